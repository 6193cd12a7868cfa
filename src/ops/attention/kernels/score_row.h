#pragma once

#include <cstdint>

#include "targets/cpu/isa.h"

namespace drawbar::cpu {

/// The products q·kᵀ of one query with `keys` keys, to become probabilities in place, up to a
/// common factor. Keys outside [first, last) and masked ones get 0.
struct ScoreRow {
  float* scores = nullptr;
  int64_t keys = 0;
  int64_t first = 0, last = 0;
  float scale = 1;
  float softcap = 0;                   // 0: none
  const float* mask = nullptr;         // added, [last], or null
  const uint8_t* bool_mask = nullptr;  // 0: not attended, [last], or null
};

/// Returns the sum of what it leaves in scores: 0 where no key is attended.
using ScoreFunction = float (*)(const ScoreRow&);
ScoreFunction score_function(Isa isa);

/// x[n] *= factor.
using ScaleFunction = void (*)(float* x, int64_t n, float factor);
ScaleFunction scale_function(Isa isa);

}  // namespace drawbar::cpu

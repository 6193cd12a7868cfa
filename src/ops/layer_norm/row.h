#pragma once

#include <cstdint>

namespace drawbar::cpu {

/// One row of `length` elements. `scale`, `bias` and `residual` may be null; `sum` is where x +
/// residual is kept (y unless it is wanted itself).
struct LayerNormRow {
  const float* x = nullptr;
  const float* residual = nullptr;
  const float* scale = nullptr;
  const float* bias = nullptr;
  float* y = nullptr;
  float* sum = nullptr;
  int64_t length = 0;
  float epsilon = 0;
  float mean = 0, inverse_deviation = 0;  // results
};

}  // namespace drawbar::cpu

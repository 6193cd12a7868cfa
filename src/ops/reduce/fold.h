#pragma once

#include <limits>

#include "ops/reduce/op.h"

namespace drawbar::cpu {

/// The loops that reductions have in common.
enum class FoldKind : uint8_t { sum, absolute, squares, product, max, min, exponentials };

constexpr FoldKind fold_kind(ops::Reduction kind) {
  switch (kind) {
    case ops::Reduction::sum:
    case ops::Reduction::mean:
    case ops::Reduction::log_sum:
      return FoldKind::sum;
    case ops::Reduction::max:
      return FoldKind::max;
    case ops::Reduction::min:
      return FoldKind::min;
    case ops::Reduction::prod:
      return FoldKind::product;
    case ops::Reduction::l1:
      return FoldKind::absolute;
    case ops::Reduction::l2:
    case ops::Reduction::sum_square:
      return FoldKind::squares;
    case ops::Reduction::log_sum_exp:
      return FoldKind::exponentials;
  }
  return FoldKind::sum;
}

/// What nothing folds to.
constexpr float fold_identity(FoldKind kind) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  return kind == FoldKind::product ? 1
         : kind == FoldKind::max   ? -infinity
         : kind == FoldKind::min   ? infinity
                                   : 0;
}

/// The element that changes nothing.
constexpr float fold_neutral(FoldKind kind) {
  return kind == FoldKind::exponentials ? -std::numeric_limits<float>::infinity()
                                        : fold_identity(kind);
}

}  // namespace drawbar::cpu

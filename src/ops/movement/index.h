#pragma once

#include <string_view>

#include "ir/infer.h"

namespace drawbar::ops {

/// Checks that input i holds indices (i32 or i64).
void expect_indices(const Infer& context, size_t i, std::string_view what);

/// An index in [-size, size) made non-negative; throws INVALID_ARGUMENT otherwise.
inline int64_t checked_index(int64_t index, int64_t size) {
  if (index < -size || index >= size) {
    fail(ErrorCode::invalid_argument, "index {} is outside a dimension of {}", index, size);
  }
  return index < 0 ? index + size : index;
}

/// All of them, for dimensions of that size.
std::vector<int64_t> checked_indices(const Tensor& indices, int64_t size);

}  // namespace drawbar::ops

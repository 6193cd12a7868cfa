#pragma once

#include <cstdint>
#include <span>

#include "base/error.h"

namespace drawbar {

/// Arithmetic on sizes that come from outside: throws Error(INVALID_MODEL) instead of wrapping.
inline int64_t checked_mul(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_mul_overflow(a, b, &result)) {
    fail(ErrorCode::invalid_model, "{} x {} overflows 64 bits", a, b);
  }
  return result;
}

inline int64_t checked_add(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_add_overflow(a, b, &result)) {
    fail(ErrorCode::invalid_model, "{} + {} overflows 64 bits", a, b);
  }
  return result;
}

/// The number of elements of a shape; negative dimensions are refused.
inline int64_t element_count(std::span<const int64_t> shape) {
  int64_t count = 1;
  bool empty = false;
  for (int64_t dim : shape) {
    if (dim < 0) fail(ErrorCode::invalid_model, "dimension {} is negative", dim);
    if (dim == 0) {
      empty = true;
    } else {
      count = checked_mul(count, dim);
    }
  }
  return empty ? 0 : count;
}

}  // namespace drawbar

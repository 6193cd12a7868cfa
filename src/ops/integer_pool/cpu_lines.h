#pragma once

#include <cstddef>
#include <cstdint>

#include "drawbar/element_type.h"

namespace drawbar::cpu {

/// The pixels of one window, channels innermost: rows × columns of them, at most 2^23.
struct ByteWindow {
  const std::byte* first;
  int64_t rows, columns;
  int64_t row_step, column_step;  // bytes
};

/// What becomes of the sum of each channel, in which signed bytes count 128 more:
/// y = saturate(round((sum + offset) · multiplier) + zero), ties to even; of f32 the product.
struct ByteMean {
  int32_t offset;
  float multiplier;
  int32_t zero;
};

/// Channels [0, channels) of `window` → y. Thread-safe.
using AverageBytes = void (*)(const ByteWindow& window, const ByteMean& mean, int64_t channels,
                              void* y);

/// For x of u8 or i8, y of u8, i8 or f32.
AverageBytes average_bytes(ElementType x, ElementType y);

}  // namespace drawbar::cpu

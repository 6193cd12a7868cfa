#pragma once

#include <cstdint>

#include "drawbar/element_type.h"

namespace drawbar::cpu {

/// y = clamp(round(a · a_factor + (b · b_factor + addend)) + zero) for n bytes, ties to even;
/// computed in f32, clamped to the range of y's type.
struct ByteSum {
  float a_factor, b_factor, addend;
  int32_t zero;
};
/// What a quantised tensor counts in, and from where.
struct ByteTerm {
  float scale;
  int32_t zero;
};
/// The sum of two as QLinearAdd has it. The same for either order of a and b but for the names.
ByteSum byte_sum(const ByteTerm& a, const ByteTerm& b, const ByteTerm& y);

using AddBytes = void (*)(const ByteSum& sum, const void* a, const void* b, void* y, int64_t n);

/// For u8 and i8.
AddBytes add_bytes(ElementType a, ElementType b, ElementType y);

}  // namespace drawbar::cpu

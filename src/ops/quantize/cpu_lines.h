#pragma once

#include <cstdint>

#include "drawbar/element_type.h"

namespace drawbar::cpu {

/// One line of n elements between f32 and a quantized type, as ops/quantize/op.h defines it.
/// `scale` and `zero` (of the quantized type, null: 0) are one value for the line, or one per
/// element where `per_element`.
using QuantizeLine = void (*)(const float* x, const float* scale, const void* zero, void* y,
                              int64_t n, bool per_element);
using DequantizeLine = void (*)(const void* x, const float* scale, const void* zero, float* y,
                                int64_t n, bool per_element);

/// To u8, i8 and f8e4m3fn (saturated; zero points are not read); null for others.
QuantizeLine quantize_line(ElementType to);
/// From u8, i8, i32 and f8e4m3fn; null for others.
DequantizeLine dequantize_line(ElementType from);

/// The smallest and largest of n numbers and 0.
void range_of(const float* x, int64_t n, float& low, float& high);

}  // namespace drawbar::cpu

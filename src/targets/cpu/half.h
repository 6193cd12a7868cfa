#pragma once

#include <cstdint>

#include "drawbar/element_type.h"

/// Conversions between f32 and the 16-bit floats, by vectors of the process's instruction set
/// (isa()). Rounding is to nearest, ties to even; what is too large becomes infinity. Thread-safe.
namespace drawbar::cpu {

void f16_to_f32(const void* from, void* to, int64_t n);
void f32_to_f16(const void* from, void* to, int64_t n);
void bf16_to_f32(const void* from, void* to, int64_t n);
void f32_to_bf16(const void* from, void* to, int64_t n);

/// n numbers of f16 or bf16 as f32.
inline void widen(ElementType half, const void* from, float* to, int64_t n) {
  half == ElementType::f16 ? f16_to_f32(from, to, n) : bf16_to_f32(from, to, n);
}
/// n numbers of f32 as f16 or bf16.
inline void narrow(ElementType half, const float* from, void* to, int64_t n) {
  half == ElementType::f16 ? f32_to_f16(from, to, n) : f32_to_bf16(from, to, n);
}

}  // namespace drawbar::cpu

#pragma once

#include <cstdint>

#include "ops/pointwise/function.h"

namespace drawbar::cpu {

/// out[i] = f(a[i], b[i], c[i]; p, q) for i < n; an operand that is uniform is one value, and one
/// the function lacks is ignored. `out` may be one of the operands. Reads and writes nothing beyond
/// element n - 1. No alignment is needed.
using StepKernel = void (*)(const float* a, const float* b, const float* c, float* out, int64_t n,
                            float p, float q);

/// What the interpreter can do in one step: the functions, and short chains of them.
enum class Fused : uint8_t {
  none,
  mul_add,       // a b + c
  mul_add_relu,  // max(0, a b + c)
  add_relu,      // max(0, a + b)
};

/// The kernel for this process's instruction set where the operands in `uniform` (bit i: operand i)
/// are single values, not all of them. `function` counts where nothing is fused.
StepKernel step_kernel(ops::Function function, Fused fused, unsigned uniform);

/// Conditions to and from numbers: 0 or 1.
void convert_bool_to_f32(const uint8_t* from, float* to, int64_t n);
void convert_f32_to_bool(const float* from, uint8_t* to, int64_t n);

}  // namespace drawbar::cpu

#pragma once

#include <cstdint>

#include "ops/pointwise/function.h"

namespace drawbar::cpu {

/// One operand of a step over a tile of rows x columns: a value per element, one row after the
/// other, or a single value for each row.
struct StepOperand {
  const float* data = nullptr;
  int64_t row_stride = 0;  // elements from row to row
};

/// out[r][i] = f(a[r][i], b[r][i], c[r][i]; p, q) for r < rows, i < columns, with the operands a,
/// b, c in `operands`; those the function lacks are ignored. `out` may be one of the operands.
/// Reads and writes nothing beyond the last element of a row. No alignment is needed.
using StepKernel = void (*)(const StepOperand* operands, float* out, int64_t out_stride,
                            int64_t rows, int64_t columns, float p, float q);

/// What the interpreter can do in one step: the functions, and short chains of them.
enum class Fused : uint8_t {
  none,
  mul_add,       // a b + c
  mul_add_relu,  // max(0, a b + c)
  add_relu,      // max(0, a + b)
};

/// The kernel for this process's instruction set where the operands in `uniform` (bit i: operand i)
/// are single values per row, not all of them. `function` counts where nothing is fused.
StepKernel step_kernel(ops::Function function, Fused fused, unsigned uniform);

/// Conditions to and from numbers: 0 or 1.
void convert_bool_to_f32(const uint8_t* from, float* to, int64_t n);
void convert_f32_to_bool(const float* from, uint8_t* to, int64_t n);

}  // namespace drawbar::cpu

#pragma once

#include <cstdint>

#include "targets/cpu/gemm/microkernel.h"

namespace drawbar::cpu {

/// c[i · ldc + j] = dot(a + i · lda, b + j · ldb) over k, for i < m and j < n. Reads each row of B
/// once per four rows of A: for few rows of A and a transposed B that is not worth packing.
void dot_rows(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b,
              int64_t ldb, float* c, int64_t ldc);

/// x[m, n] = activation(x + bias + residual): the microkernel's epilogue on its own. `activation`
/// is an Activation; null pointers are left out.
void apply_epilogue(int64_t m, int64_t n, float* x, int64_t ldx, const float* bias,
                    const float* residual, int64_t residual_ld, Activation activation, float alpha,
                    float beta);

}  // namespace drawbar::cpu

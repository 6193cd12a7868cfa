#pragma once

#include <optional>

#include "targets/cuda/libraries/cublaslt.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {

/// A MatMul as cuBLASLt's product. Row-major y = a·b is column-major yᵀ = bᵀ·aᵀ: cuBLASLt's a is
/// the node's b. What the epilogue and C read is by the node's inputs, 0 where there is none.
struct CublasLtMatMul {
  CublasLtProblem product;
  size_t bias_input = 0, c_input = 0;
  bool packs_b = false;  // b is packed buffer 0
};

/// Nothing for problems that cuBLASLt has no form for. Asks no library.
std::optional<CublasLtMatMul> cublaslt_matmul(const Problem& problem);

/// b in f32 where it was stored in halves.
std::vector<PackedBuffer> cublaslt_weights(const Problem& problem);

}  // namespace drawbar::cuda

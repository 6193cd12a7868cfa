#pragma once

#include "targets/cuda/libraries/cublaslt.h"
#include "targets/cuda/libraries/cudnn_node.h"

namespace drawbar::cuda {

/// Does on the host what a graph says, to the letter of its sizes and strides, in double precision:
/// for tests of what graphs say. `pointers` has one for each of the node's operands.
void evaluate(const CudnnNode& node, std::span<void* const> pointers);

/// The same for a product.
void evaluate(const CublasLtProblem& problem, const void* a, const void* b, const void* c, void* d,
              const void* bias);

}  // namespace drawbar::cuda

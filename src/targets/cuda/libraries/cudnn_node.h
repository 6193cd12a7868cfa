#pragma once

#include <utility>
#include <variant>

#include "targets/cuda/libraries/cudnn_plan.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {

/// A node of the model as cuDNN's graph, with what its tensors are.
struct CudnnNode {
  using Number = std::variant<float, int32_t>;

  CudnnGraph graph;
  CudnnRules rules;
  std::vector<std::pair<int64_t, Argument>> operands;  // input, output or packed
  std::vector<std::pair<int64_t, Number>> numbers;     // tensors that are on the host

  int64_t add_operand(CudnnTensor tensor, Argument argument);
  int64_t add_number(Number number, size_t rank);
  int64_t add_between(cudnnDataType_t type, Shape sizes, Shape strides);
  /// Adds an operation; gives what it gives.
  int64_t add(CudnnOperation operation);
};

/// Whether cuDNN has a plan for the problem's node on its GPU. Throws nothing.
bool has_cudnn_plan(const CudnnNode& node, const Problem& problem);

/// Throws UNSUPPORTED where there is no plan.
std::unique_ptr<Kernel> make_cudnn_kernel(const CudnnNode& node, const Problem& problem,
                                          std::vector<PackedBuffer> packed = {},
                                          uint32_t packed_inputs = 0);

}  // namespace drawbar::cuda

#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "targets/cuda/gpu.h"
#include "targets/cuda/libraries/cudnn_descriptor.h"
#include "targets/operand.h"

// cuDNN's graph API: tensors and operations make a graph, of which cuDNN's heuristics list the
// engines that run it; the first one that the rules allow becomes a plan. Source: cuDNN's
// documentation, "Graph API"; the attributes of each kind of object are those of "cudnn_graph
// Library", "Backend Descriptor Types".

namespace drawbar::cuda {

/// Of f32, f64, f16 and bf16. Throws INTERNAL for others.
cudnnDataType_t cudnn_type(ElementType type);

struct CudnnTensor {
  /// In device memory (16-byte aligned), only between two operations, or one number that is read
  /// from the host when the plan is enqueued.
  enum class Place : uint8_t { device, between, host };
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  Shape sizes, strides;  // N, C, d1…dn, or batch, head, row, column; in elements
  Place place = Place::device;
};

/// One operation on tensors, which are named by numbers from 1 on.
struct CudnnOperation {
  enum class Kind : uint8_t {
    convolution,  // y = x ⋆ b, cross-correlation; groups as b's channels say
    pointwise,    // y = f(x) or f(x, b); b broadcasts to y along dimensions of size 1
    matmul,       // y = x·b, the last two dimensions; the first two of b broadcast
    reduction,    // y = x reduced along the dimensions that are 1 in y
  };
  Kind kind = Kind::pointwise;
  int64_t x = 0, b = 0, y = 0;  // 0: none

  std::vector<int64_t> strides, dilations, pads_begin, pads_end;  // per spatial dimension
  cudnnPointwiseMode_t mode = CUDNN_POINTWISE_ADD;
  cudnnDataType_t compute = CUDNN_DATA_FLOAT;  // of pointwise; all others compute in f32
  double upper = 0;                            // of CUDNN_POINTWISE_RELU_FWD; no upper bound: 0
  double beta = 1;                             // of CUDNN_POINTWISE_SWISH_FWD
  int64_t axis = -1;                           // of CUDNN_POINTWISE_GEN_INDEX
  int64_t third = 0;  // of CUDNN_POINTWISE_BINARY_SELECT: y = third ? x : b
  cudnnReduceTensorOp_t reduction = CUDNN_REDUCE_TENSOR_ADD;
};

/// What a plan may be.
struct CudnnRules {
  int64_t most_workspace_bytes = int64_t{1} << 30;
  /// Engines with one of these notes are not taken.
  std::vector<cudnnBackendNumericalNote_t> without;
};

/// A device's properties in cuDNN's JSON, to plan for a device that is not here (from cuDNN 9.8 on;
/// such plans cannot run). Null for this process's device.
using CudnnDeviceProperties = const char*;

/// A way to run a graph, chosen once. Immutable.
class CudnnPlan {
 public:
  int64_t workspace_bytes() const { return workspace_bytes_; }
  /// `tensors` has one pointer for each number in `numbers`, which are the graph's tensors but for
  /// those between operations; `workspace` is 256-byte aligned.
  void enqueue(const Stream& stream, std::span<const int64_t> numbers,
               std::span<void* const> tensors, void* workspace) const;

 private:
  friend struct CudnnGraph;
  explicit CudnnPlan(CudnnDescriptor plan) : plan_(std::move(plan)) {}

  std::vector<CudnnDescriptor> parts_;  // that it was made of
  CudnnDescriptor plan_;
  int64_t workspace_bytes_ = 0;
};

/// Operations in the order in which they run.
struct CudnnGraph {
  std::vector<CudnnTensor> tensors;
  std::vector<CudnnOperation> operations;

  int64_t add(CudnnTensor tensor);  // gives its number
  const CudnnTensor& at(int64_t number) const { return tensors[static_cast<size_t>(number - 1)]; }

  /// The first engine of the heuristics (mode A, then the fallback) that the rules allow; null
  /// where there is none. Answers are remembered by graph and rules. Throws UNAVAILABLE without a
  /// device, RESOURCE_EXHAUSTED without memory, INTERNAL for a graph that contradicts itself.
  std::shared_ptr<const CudnnPlan> plan(const CudnnRules& rules,
                                        CudnnDeviceProperties properties = nullptr) const;

 private:
  std::string text() const;
  std::shared_ptr<const CudnnPlan> search(const CudnnRules& rules,
                                          CudnnDeviceProperties properties) const;
};

}  // namespace drawbar::cuda

#pragma once

#include <string>
#include <vector>

#include "targets/cuda/libraries/cudnn_descriptor.h"
#include "targets/operand.h"

// cuDNN's graph API: tensors and operations make a graph, which is planned (cudnn_plan.h). Source:
// cuDNN's documentation, "Graph API"; the attributes of each kind of object are those of
// "cudnn_graph Library", "Backend Descriptor Types".

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

/// Operations in the order in which they run.
struct CudnnGraph {
  std::vector<CudnnTensor> tensors;
  std::vector<CudnnOperation> operations;

  int64_t add(CudnnTensor tensor);  // gives its number
  const CudnnTensor& at(int64_t number) const { return tensors[static_cast<size_t>(number - 1)]; }

  /// All that it says: the same only for the same graph.
  std::string text() const;
};

/// cuDNN's objects of a graph.
class CudnnObjects {
 public:
  explicit CudnnObjects(const CudnnGraph& graph);
  const std::vector<CudnnDescriptor>& operations() const { return operations_; }
  std::vector<CudnnDescriptor> all() &&;

 private:
  const CudnnDescriptor& at(int64_t tensor) const {
    return tensors_.at(static_cast<size_t>(tensor - 1));
  }
  void make(const CudnnTensor& tensor);
  void make(const CudnnOperation& operation);
  void make_convolution(const CudnnOperation& operation);
  void make_pointwise(const CudnnOperation& operation);
  void make_matmul(const CudnnOperation& operation);
  void make_reduction(const CudnnOperation& operation);

  std::vector<CudnnDescriptor> tensors_, settings_, operations_;
};

}  // namespace drawbar::cuda

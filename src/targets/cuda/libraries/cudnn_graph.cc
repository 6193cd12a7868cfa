#include "targets/cuda/libraries/cudnn_graph.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "base/error.h"

namespace drawbar::cuda {

cudnnDataType_t cudnn_type(ElementType type) {
  switch (type) {
    case ElementType::f32:
      return CUDNN_DATA_FLOAT;
    case ElementType::f64:
      return CUDNN_DATA_DOUBLE;
    case ElementType::f16:
      return CUDNN_DATA_HALF;
    case ElementType::bf16:
      return CUDNN_DATA_BFLOAT16;
    default:
      fail(ErrorCode::internal, "cuDNN is not given {}", name(type));
  }
}

int64_t CudnnGraph::add(CudnnTensor tensor) {
  tensors.push_back(std::move(tensor));
  return static_cast<int64_t>(tensors.size());
}

std::string CudnnGraph::text() const {
  std::string text;
  for (const CudnnTensor& tensor : tensors) {
    text +=
        fmt::format("tensor {} {} {} {}\n", static_cast<int>(tensor.type), to_string(tensor.sizes),
                    to_string(tensor.strides), static_cast<int>(tensor.place));
  }
  for (const CudnnOperation& each : operations) {
    text += fmt::format("operation {} {} {} {} {} {}", static_cast<int>(each.kind), each.x, each.b,
                        each.third, each.y, static_cast<int>(each.mode));
    text += fmt::format(" {} {} {} {} {} {} {} {} {}\n", each.upper, each.beta, each.axis,
                        static_cast<int>(each.compute), static_cast<int>(each.reduction),
                        to_string(each.strides), to_string(each.dilations),
                        to_string(each.pads_begin), to_string(each.pads_end));
  }
  return text;
}

CudnnObjects::CudnnObjects(const CudnnGraph& graph) {
  for (const CudnnTensor& tensor : graph.tensors) make(tensor);
  for (const CudnnOperation& operation : graph.operations) make(operation);
}

std::vector<CudnnDescriptor> CudnnObjects::all() && {
  std::vector<CudnnDescriptor> result;
  for (auto* list : {&tensors_, &settings_, &operations_})
    std::move(list->begin(), list->end(), std::back_inserter(result));
  return result;
}

void CudnnObjects::make(const CudnnTensor& tensor) {
  CudnnDescriptor& made = tensors_.emplace_back(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  made.set(CUDNN_ATTR_TENSOR_DATA_TYPE, tensor.type)
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, tensor.sizes)
      .set(CUDNN_ATTR_TENSOR_STRIDES, tensor.strides)
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, static_cast<int64_t>(tensors_.size()))
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, int64_t{16});
  if (tensor.place == CudnnTensor::Place::between) made.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, true);
  if (tensor.place == CudnnTensor::Place::host) made.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, true);
  made.finalize();
}

void CudnnObjects::make(const CudnnOperation& operation) {
  switch (operation.kind) {
    case CudnnOperation::Kind::convolution:
      return make_convolution(operation);
    case CudnnOperation::Kind::pointwise:
      return make_pointwise(operation);
    case CudnnOperation::Kind::matmul:
      return make_matmul(operation);
    case CudnnOperation::Kind::reduction:
      return make_reduction(operation);
  }
}

void CudnnObjects::make_convolution(const CudnnOperation& operation) {
  CudnnDescriptor& setting = settings_.emplace_back(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  setting.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION)
      .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, static_cast<int64_t>(operation.strides.size()))
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, operation.pads_begin)
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, operation.pads_end)
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, operation.dilations)
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, operation.strides)
      .finalize();
  operations_.emplace_back(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, at(operation.x))
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, at(operation.b))
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, at(operation.y))
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, setting)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, 1.0F)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, 0.0F)
      .finalize();
}

void CudnnObjects::make_pointwise(const CudnnOperation& operation) {
  CudnnDescriptor& setting = settings_.emplace_back(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  setting.set(CUDNN_ATTR_POINTWISE_MODE, operation.mode)
      .set(CUDNN_ATTR_POINTWISE_MATH_PREC, operation.compute);
  if (operation.mode == CUDNN_POINTWISE_RELU_FWD) {
    const double most = std::numeric_limits<float>::max();
    setting.set(CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, CUDNN_PROPAGATE_NAN)
        .set(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP, 0.0)
        .set(CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP, operation.upper > 0 ? operation.upper : most)
        .set(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, 0.0);
  }
  if (operation.mode == CUDNN_POINTWISE_SWISH_FWD)
    setting.set(CUDNN_ATTR_POINTWISE_SWISH_BETA, operation.beta);
  if (operation.mode == CUDNN_POINTWISE_GEN_INDEX)
    setting.set(CUDNN_ATTR_POINTWISE_AXIS, operation.axis);
  setting.finalize();
  CudnnDescriptor& made = operations_.emplace_back(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  made.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, setting)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, at(operation.x))
      .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, at(operation.y))
      .set(CUDNN_ATTR_OPERATION_POINTWISE_ALPHA1, 1.0F)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_ALPHA2, 1.0F);
  if (operation.b != 0) made.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, at(operation.b));
  if (operation.third != 0) made.set(CUDNN_ATTR_OPERATION_POINTWISE_TDESC, at(operation.third));
  made.finalize();
}

void CudnnObjects::make_matmul(const CudnnOperation& operation) {
  CudnnDescriptor& setting = settings_.emplace_back(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
  setting.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_DATA_FLOAT).finalize();
  operations_.emplace_back(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR)
      .set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, at(operation.x))
      .set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, at(operation.b))
      .set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, at(operation.y))
      .set(CUDNN_ATTR_OPERATION_MATMUL_DESC, setting)
      .finalize();
}

void CudnnObjects::make_reduction(const CudnnOperation& operation) {
  CudnnDescriptor& setting = settings_.emplace_back(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
  setting.set(CUDNN_ATTR_REDUCTION_OPERATOR, operation.reduction)
      .set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .finalize();
  operations_.emplace_back(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR)
      .set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, at(operation.x))
      .set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, at(operation.y))
      .set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, setting)
      .finalize();
}

}  // namespace drawbar::cuda

#include "targets/cuda/libraries/cudnn_graph.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <optional>

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

void CudnnPlan::enqueue(const Stream& stream, std::span<const int64_t> numbers,
                        std::span<void* const> tensors, void* workspace) const {
  CudnnDescriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, numbers)
      .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, tensors)
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, workspace)
      .finalize();
  const CudnnHandle handle(CudnnHandle::Use::running);
  handle.set_stream(stream.handle());
  DRAWBAR_CUDNN(cudnnBackendExecute, handle.get(), plan_.get(), pack.get());
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

namespace {

/// cuDNN's objects of a graph.
class Objects {
 public:
  explicit Objects(const CudnnGraph& graph) {
    for (const CudnnTensor& tensor : graph.tensors) make(tensor);
    for (const CudnnOperation& operation : graph.operations) make(operation);
  }
  const std::vector<CudnnDescriptor>& operations() const { return operations_; }
  std::vector<CudnnDescriptor> all() && {
    std::vector<CudnnDescriptor> result;
    for (auto* list : {&tensors_, &settings_, &operations_})
      std::move(list->begin(), list->end(), std::back_inserter(result));
    return result;
  }

 private:
  const CudnnDescriptor& at(int64_t tensor) const {
    return tensors_.at(static_cast<size_t>(tensor - 1));
  }

  void make(const CudnnTensor& tensor) {
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

  void make(const CudnnOperation& operation) {
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

  void make_convolution(const CudnnOperation& operation) {
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

  void make_pointwise(const CudnnOperation& operation) {
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

  void make_matmul(const CudnnOperation& operation) {
    CudnnDescriptor& setting = settings_.emplace_back(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
    setting.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_DATA_FLOAT).finalize();
    operations_.emplace_back(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR)
        .set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, at(operation.x))
        .set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, at(operation.b))
        .set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, at(operation.y))
        .set(CUDNN_ATTR_OPERATION_MATMUL_DESC, setting)
        .finalize();
  }

  void make_reduction(const CudnnOperation& operation) {
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

  std::vector<CudnnDescriptor> tensors_, settings_, operations_;
};

/// Engine configurations of one mode of the heuristics, the best one first; none where that mode
/// knows none.
std::vector<CudnnDescriptor> configurations(const CudnnDescriptor& graph,
                                            cudnnBackendHeurMode_t mode,
                                            const std::optional<CudnnDescriptor>& device) {
  CudnnDescriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
      .set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  if (device) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *device);
  std::vector<CudnnDescriptor> results;
  if (heuristics.try_finalize() != CUDNN_STATUS_SUCCESS) return results;
  const auto read = [&](int64_t wanted, void* into) {
    int64_t count = 0;
    DRAWBAR_CUDNN(cudnnBackendGetAttribute, heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR, wanted, &count, into);
    return count;
  };
  const int64_t count = read(0, nullptr);
  std::vector<cudnnBackendDescriptor_t> raw;
  for (int64_t i = 0; i < count; ++i) {
    results.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    raw.push_back(results.back().get());
  }
  if (count > 0) results.erase(results.begin() + read(count, raw.data()), results.end());
  return results;
}

std::vector<cudnnBackendNumericalNote_t> notes(const CudnnDescriptor& configuration) {
  const CudnnDescriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t raw = engine.get();
  int64_t count = 0;
  DRAWBAR_CUDNN(cudnnBackendGetAttribute, configuration.get(), CUDNN_ATTR_ENGINECFG_ENGINE,
                CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &raw);
  // Newer libraries may know more notes than this header.
  std::vector<cudnnBackendNumericalNote_t> result(2 * CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
  DRAWBAR_CUDNN(cudnnBackendGetAttribute, engine.get(), CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &count, result.data());
  result.resize(static_cast<size_t>(std::min<int64_t>(count, CUDNN_NUMERICAL_NOTE_TYPE_COUNT)));
  return result;
}

/// Whether a step went well; not where cuDNN does not support what it is about.
bool supported(cudnnStatus_t status, const char* what) {
  if (CUDNN_STATUS_CATEGORY(static_cast<int>(status)) == CUDNN_STATUS_NOT_SUPPORTED) return false;
  check(status, what);
  return true;
}

bool allowed(const CudnnDescriptor& configuration, const CudnnRules& rules) {
  for (const cudnnBackendNumericalNote_t note : notes(configuration)) {
    if (std::find(rules.without.begin(), rules.without.end(), note) != rules.without.end())
      return false;
  }
  return true;
}

}  // namespace

std::shared_ptr<const CudnnPlan> CudnnGraph::search(const CudnnRules& rules,
                                                    CudnnDeviceProperties properties) const {
  Objects objects(*this);
  std::optional<CudnnHandle> handle;
  std::optional<CudnnDescriptor> device;
  CudnnDescriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, objects.operations());
  if (properties) {
    device.emplace(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    device
        ->set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
              std::span(properties, std::strlen(properties)))
        .finalize();
  } else {
    handle.emplace(CudnnHandle::Use::planning);
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle->get());
  }
  if (!supported(graph.try_finalize(), "operation graph")) return nullptr;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (CudnnDescriptor& configuration : configurations(graph, mode, device)) {
      if (!allowed(configuration, rules)) continue;
      CudnnDescriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
      if (plan.try_finalize() != CUDNN_STATUS_SUCCESS) continue;
      const int64_t bytes = plan.number(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
      if (bytes > rules.most_workspace_bytes) continue;
      std::shared_ptr<CudnnPlan> result(new CudnnPlan(std::move(plan)));
      result->workspace_bytes_ = bytes;
      result->parts_ = std::move(objects).all();
      result->parts_.push_back(std::move(graph));
      result->parts_.push_back(std::move(configuration));
      if (device) result->parts_.push_back(std::move(*device));
      return result;
    }
  }
  return nullptr;
}

std::shared_ptr<const CudnnPlan> CudnnGraph::plan(const CudnnRules& rules,
                                                  CudnnDeviceProperties properties) const {
  // Forgotten all at once when there are many: kernels keep what they run.
  constexpr size_t most_plans = 1024;
  static std::mutex mutex;
  static auto& plans = *new std::map<std::string, std::shared_ptr<const CudnnPlan>>;
  std::string key = fmt::format("{}{}\n", text(), rules.most_workspace_bytes);
  for (const cudnnBackendNumericalNote_t note : rules.without)
    key += fmt::format("without {}\n", static_cast<int>(note));
  if (properties) key += properties;
  {
    const std::lock_guard lock(mutex);
    if (const auto found = plans.find(key); found != plans.end()) return found->second;
  }
  std::shared_ptr<const CudnnPlan> plan;
  try {
    plan = search(rules, properties);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
  }
  const std::lock_guard lock(mutex);
  if (plans.size() >= most_plans) plans.clear();
  return plans.insert_or_assign(std::move(key), std::move(plan)).first->second;
}

}  // namespace drawbar::cuda

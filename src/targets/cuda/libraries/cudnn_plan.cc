#include "targets/cuda/libraries/cudnn_plan.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

#include "base/error.h"

namespace drawbar::cuda {
namespace {

/// Whether a step went well; not where cuDNN does not support what it is about.
bool supported(cudnnStatus_t status, const char* what) {
  if (CUDNN_STATUS_CATEGORY(static_cast<int>(status)) == CUDNN_STATUS_NOT_SUPPORTED) return false;
  check(status, what);
  return true;
}

/// Reads as many of an attribute's values as there is room for; how many there are.
int64_t read_attribute(const CudnnDescriptor& from, cudnnBackendAttributeName_t name,
                       cudnnBackendAttributeType_t type, int64_t room, void* values) {
  int64_t count = 0;
  DRAWBAR_CUDNN(cudnnBackendGetAttribute, from.get(), name, type, room, &count, values);
  return count;
}

/// What plans are made for: a device whose properties are given, or this process's.
class Device {
 public:
  explicit Device(CudnnDeviceProperties properties) {
    if (!properties) {
      handle_.emplace(CudnnHandle::Use::planning);
      return;
    }
    properties_.emplace(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    properties_
        ->set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
              std::span(properties, std::strlen(properties)))
        .finalize();
  }
  void set(CudnnDescriptor& object, std::optional<cudnnBackendAttributeName_t> for_handle,
           std::optional<cudnnBackendAttributeName_t> for_properties) const {
    if (properties_ && for_properties) object.set(*for_properties, *properties_);
    if (handle_ && for_handle) object.set(*for_handle, handle_->get());
  }
  /// The object that plans for another device refer to.
  std::optional<CudnnDescriptor> take() && { return std::move(properties_); }

 private:
  std::optional<CudnnHandle> handle_;
  std::optional<CudnnDescriptor> properties_;
};

/// The graph as cuDNN's; nothing where it does not support it.
std::optional<CudnnDescriptor> finished(const CudnnObjects& objects, const Device& device) {
  CudnnDescriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, objects.operations());
  device.set(graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, {});
  if (!supported(graph.try_finalize(), "operation graph")) return std::nullopt;
  return graph;
}

/// Engine configurations of one mode of the heuristics, the best one first; none where that mode
/// knows none.
std::vector<CudnnDescriptor> configurations(const CudnnDescriptor& graph,
                                            cudnnBackendHeurMode_t mode, const Device& device) {
  CudnnDescriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
      .set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  device.set(heuristics, {}, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP);
  std::vector<CudnnDescriptor> results;
  if (heuristics.try_finalize() != CUDNN_STATUS_SUCCESS) return results;
  const auto read = [&](int64_t room, void* into) {
    return read_attribute(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                          room, into);
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
  read_attribute(configuration, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                 &raw);
  // Newer libraries may know more notes than this header.
  std::vector<cudnnBackendNumericalNote_t> result(2 * CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
  const int64_t count =
      read_attribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                     CUDNN_NUMERICAL_NOTE_TYPE_COUNT, result.data());
  result.resize(static_cast<size_t>(std::min<int64_t>(count, CUDNN_NUMERICAL_NOTE_TYPE_COUNT)));
  return result;
}

constexpr cudnnBackendHeurMode_t modes[] = {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK};

}  // namespace

CudnnPlan::CudnnPlan(CudnnDescriptor plan)
    : plan_(std::move(plan)),
      workspace_bytes_(plan_.number(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE)) {}

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

void CudnnPlan::keep(CodeCache& saved) const {
  if (is_restored_ && saved.find(name_)) return;
  const auto read = [&](int64_t room, void* into, int64_t& count) {
    return cudnn().cudnnBackendGetAttribute_(plan_.get(),
                                             CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION,
                                             CUDNN_TYPE_CHAR, room, &count, into);
  };
  int64_t size = 0;
  if (read(0, nullptr, size) != CUDNN_STATUS_SUCCESS || size <= 0) return;
  const auto json = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(size));
  if (read(size, json->data(), size) != CUDNN_STATUS_SUCCESS) return;
  saved.add(name_, {{json, json->data()}, json->size(), {}});
}

std::string CudnnPlanner::name() const {
  std::string text = fmt::format("{} {}{}\n", cudnn().cudnnGetVersion_(), graph_.text(),
                                 rules_.most_workspace_bytes);
  for (const cudnnBackendNumericalNote_t note : rules_.without)
    text += fmt::format("without {}\n", static_cast<int>(note));
  if (properties_) {
    text += properties_;
  } else if (const FoundGpu& here = this_gpu(); here.gpu) {
    const GpuInfo& info = here.gpu->info();
    text += fmt::format("{} {} {}", info.architecture, info.name, info.multiprocessors);
  }
  return fmt::format("cudnn {}", hash_bytes(text).hex());
}

bool CudnnPlanner::allows(const CudnnDescriptor& configuration) const {
  for (const cudnnBackendNumericalNote_t note : notes(configuration)) {
    if (std::find(rules_.without.begin(), rules_.without.end(), note) != rules_.without.end())
      return false;
  }
  return true;
}

bool CudnnPlanner::has_engine() const {
  const CudnnObjects objects(graph_);
  const Device device(properties_);
  const std::optional<CudnnDescriptor> graph = finished(objects, device);
  if (!graph) return false;
  for (const cudnnBackendHeurMode_t mode : modes) {
    for (const CudnnDescriptor& configuration : configurations(*graph, mode, device)) {
      if (allows(configuration)) return true;
    }
  }
  return false;
}

std::shared_ptr<const CudnnPlan> CudnnPlanner::search() const {
  CudnnObjects objects(graph_);
  Device device(properties_);
  std::optional<CudnnDescriptor> graph = finished(objects, device);
  if (!graph) return nullptr;
  for (const cudnnBackendHeurMode_t mode : modes) {
    for (CudnnDescriptor& configuration : configurations(*graph, mode, device)) {
      if (!allows(configuration)) continue;
      CudnnDescriptor made(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      made.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
      if (made.try_finalize() != CUDNN_STATUS_SUCCESS) continue;
      std::shared_ptr<CudnnPlan> plan(new CudnnPlan(std::move(made)));
      if (plan->workspace_bytes() > rules_.most_workspace_bytes) continue;
      plan->parts_ = std::move(objects).all();
      plan->parts_.push_back(std::move(*graph));
      plan->parts_.push_back(std::move(configuration));
      if (auto properties = std::move(device).take())
        plan->parts_.push_back(std::move(*properties));
      plan->name_ = name();
      return plan;
    }
  }
  return nullptr;
}

std::shared_ptr<const CudnnPlan> CudnnPlanner::restore(const CodeCache& saved) const {
  std::string name = this->name();
  const std::optional<Section> section = saved.find(name);
  if (!section) return nullptr;
  try {
    section->check(name);
    Device device(properties_);
    CudnnDescriptor made(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    made.set(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION,
             std::span(reinterpret_cast<const char*>(section->data.get()), section->bytes));
    device.set(made, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP);
    made.finalize();
    std::shared_ptr<CudnnPlan> plan(new CudnnPlan(std::move(made)));
    if (plan->workspace_bytes() > rules_.most_workspace_bytes) return nullptr;
    if (auto properties = std::move(device).take()) plan->parts_.push_back(std::move(*properties));
    plan->name_ = std::move(name);
    plan->is_restored_ = true;
    return plan;
  } catch (const Error&) {
    return nullptr;  // made anew
  }
}

std::shared_ptr<const CudnnPlan> CudnnPlanner::plan(const CodeCache* saved) const {
  // Forgotten all at once when there are many: kernels keep what they run.
  constexpr size_t most_plans = 1024;
  static std::mutex mutex;
  static auto& plans = *new std::map<std::string, std::shared_ptr<const CudnnPlan>>;
  // Code is loaded for one device, so that each has plans of its own.
  const std::string key = fmt::format("{} {}", name(), current_gpu());
  {
    const std::lock_guard lock(mutex);
    if (const auto found = plans.find(key); found != plans.end()) return found->second;
  }
  std::shared_ptr<const CudnnPlan> plan = saved ? restore(*saved) : nullptr;
  try {
    if (!plan) plan = search();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
  }
  const std::lock_guard lock(mutex);
  if (plans.size() >= most_plans) plans.clear();
  return plans.insert_or_assign(key, std::move(plan)).first->second;
}

}  // namespace drawbar::cuda

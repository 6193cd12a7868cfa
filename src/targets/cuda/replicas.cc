#include "targets/cuda/replicas.h"

#include <algorithm>

#include "base/error.h"

namespace drawbar::cuda {

Replicas::Replicas(std::span<const int> indices, MakePlan make_plan)
    : make_plan_(std::move(make_plan)), replicas_(indices.size()) {
  for (size_t i = 0; i < indices.size(); ++i) replicas_[i].index = indices[i];
  plan_of(replicas_[0]);
}

bool Replicas::takes(const Place& place) const {
  if (place.kind == Place::Kind::host) return true;
  return place.kind == Place::Kind::cuda &&
         std::any_of(replicas_.begin(), replicas_.end(),
                     [&](const Replica& replica) { return replica.index == place.device; });
}

Replicas::Replica& Replicas::choose(std::span<const Tensor> inputs,
                                    std::span<const Tensor> outputs) {
  const Tensor* placed = nullptr;
  for (const auto& tensors : {inputs, outputs}) {
    for (const Tensor& tensor : tensors) {
      if (tensor.is_on_host()) continue;
      if (placed && tensor.place() != placed->place()) {
        fail(ErrorCode::invalid_argument, "inputs and outputs of one run lie on {} and {}",
             to_string(placed->place()), to_string(tensor.place()));
      }
      placed = &tensor;
    }
  }
  const auto fewest = std::min_element(
      replicas_.begin(), replicas_.end(),
      [](const Replica& a, const Replica& b) { return a.runs.load() < b.runs.load(); });
  if (!placed) return *fewest;
  return *std::find_if(replicas_.begin(), replicas_.end(), [&](const Replica& replica) {
    return replica.index == placed->place().device;
  });
}

Plan& Replicas::plan_of(Replica& replica) {
  std::call_once(replica.made, [&] { replica.plan = make_plan_(replica.index); });
  return *replica.plan;
}

void Replicas::run(std::span<const Tensor> inputs, std::span<Tensor> outputs,
                   const RunControl& control, ThreadPool& pool) {
  Replica& replica = choose(inputs, outputs);
  ++replica.runs;
  const auto leave = [](std::atomic<int>* runs) { --*runs; };
  const std::unique_ptr<std::atomic<int>, decltype(leave)> leaving(&replica.runs, leave);
  plan_of(replica).run(inputs, outputs, control, pool);
}

PlanReport Replicas::profile(std::span<const Tensor> inputs, ThreadPool& pool) {
  return plan_of(choose(inputs, {})).profile(inputs, pool);
}

}  // namespace drawbar::cuda

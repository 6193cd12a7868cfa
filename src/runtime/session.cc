#include "runtime/session.h"

#include <map>

#include "ir/evaluate_graph.h"

namespace drawbar {

std::shared_ptr<ThreadPool> shared_pool(int threads, bool pin) {
  static std::mutex mutex;
  static std::map<std::pair<int, bool>, std::weak_ptr<ThreadPool>> pools;
  const std::lock_guard lock(mutex);
  auto& known = pools[{threads, pin}];
  auto pool = known.lock();
  if (!pool) known = pool = std::make_shared<ThreadPool>(threads, pin);
  return pool;
}

Session::Session(std::shared_ptr<Engine> engine, SessionOptions options)
    : engine_(std::move(engine)),
      options_(options),
      threads_(options.threads > 0 ? options.threads : available_processors()),
      pool_(shared_pool(threads_, options.pin_threads)) {}

Session::~Session() = default;

bool Session::Planned::fits(std::span<const Tensor> inputs) const {
  if (inputs.size() != shapes.size()) return false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool plain = inputs[i].has_value() && inputs[i].kind() == Tensor::Kind::tensor;
    if (!plain || inputs[i].type() != types[i] || inputs[i].shape() != shapes[i]) return false;
  }
  return true;
}

std::shared_ptr<Executor> Session::executor(std::span<const Tensor> inputs) {
  const std::lock_guard lock(mutex_);
  for (auto it = plans_.begin(); it != plans_.end(); ++it) {
    if (!it->fits(inputs)) continue;
    plans_.splice(plans_.begin(), plans_, it);
    return it->executor;
  }
  bind_inputs(graph(), inputs);
  Planned planned;
  for (const Tensor& input : inputs) {
    planned.types.push_back(input.type());
    planned.shapes.push_back(input.shape());
  }
  planned.executor = engine_->program().instantiate(inputs, threads_);
  plans_.push_front(std::move(planned));
  if (plans_.size() > options_.plan_cache) plans_.pop_back();
  return plans_.front().executor;
}

void Session::run(std::span<const Tensor> inputs, std::span<Tensor> outputs,
                  const RunOptions& options) {
  if (outputs.size() != graph().outputs().size()) {
    fail(ErrorCode::invalid_argument, "the graph has {} outputs, room for {} was given",
         graph().outputs().size(), outputs.size());
  }
  const RunControl control{options.deadline, options.cancelled, options.memory_budget};
  control.check();
  executor(inputs)->run(inputs, outputs, control, *pool_);
}

std::vector<Tensor> Session::run(std::span<const Tensor> inputs, const RunOptions& options) {
  std::vector<Tensor> outputs(graph().outputs().size());
  run(inputs, outputs, options);
  return outputs;
}

PlanReport Session::profile(std::span<const Tensor> inputs) {
  return executor(inputs)->profile(inputs, *pool_);
}

}  // namespace drawbar

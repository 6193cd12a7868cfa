#include "drawbar/session.h"

#include <algorithm>
#include <list>
#include <map>
#include <mutex>

#include "ir/evaluate_graph.h"
#include "targets/target.h"

namespace drawbar {
namespace {

/// The process's pool of `threads` workers, shared by all sessions that ask for as many.
std::shared_ptr<ThreadPool> shared_pool(int threads, bool pin) {
  static std::mutex mutex;
  static std::map<std::pair<int, bool>, std::weak_ptr<ThreadPool>> pools;
  const std::lock_guard lock(mutex);
  auto& known = pools[{threads, pin}];
  auto pool = known.lock();
  if (!pool) known = pool = std::make_shared<ThreadPool>(threads, pin);
  return pool;
}

/// A plan and the inputs it is for.
struct Planned {
  std::vector<ElementType> types;
  std::vector<Shape> shapes;
  std::shared_ptr<Executor> executor;

  bool fits(std::span<const Tensor> inputs) const {
    if (inputs.size() != shapes.size()) return false;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const bool plain = inputs[i].has_value() && inputs[i].kind() == Tensor::Kind::tensor;
      if (!plain || inputs[i].type() != types[i] || inputs[i].shape() != shapes[i]) return false;
    }
    return true;
  }
};

}  // namespace

struct Session::State {
  std::shared_ptr<Engine> engine;
  SessionOptions options;
  int threads;
  std::shared_ptr<ThreadPool> pool;
  std::mutex mutex;
  std::list<Planned> plans;  // most recent first

  std::shared_ptr<Executor> executor(std::span<const Tensor> inputs) {
    const std::lock_guard lock(mutex);
    for (auto it = plans.begin(); it != plans.end(); ++it) {
      if (!it->fits(inputs)) continue;
      plans.splice(plans.begin(), plans, it);
      return it->executor;
    }
    bind_inputs(engine->graph(), inputs);
    Planned planned;
    for (const Tensor& input : inputs) {
      planned.types.push_back(input.type());
      planned.shapes.push_back(input.shape());
    }
    planned.executor = engine->program().instantiate(inputs, threads);
    plans.push_front(std::move(planned));
    if (plans.size() > options.plan_cache) plans.pop_back();
    return plans.front().executor;
  }
};

Session::Session(std::shared_ptr<Engine> engine, SessionOptions options)
    : state_(std::make_unique<State>()) {
  state_->engine = std::move(engine);
  state_->options = options;
  state_->threads = options.threads > 0 ? options.threads : available_processors();
  state_->pool = shared_pool(state_->threads, options.pin_threads);
  const std::vector<int>& threads = state_->engine->threads();
  const bool is_compiled =
      std::find(threads.begin(), threads.end(), state_->threads) != threads.end();
  if (is_compiled && !state_->engine->profiles().empty())
    prepare(state_->engine->profiles().front());
}

Session::~Session() = default;

const Engine& Session::engine() const { return *state_->engine; }
int Session::threads() const { return state_->threads; }

void Session::prepare(const InputShapes& shapes) {
  const Graph& graph = engine().graph();
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < std::min(shapes.size(), graph.inputs().size()); ++i) {
    const Type& type = graph.value(graph.inputs()[i]).type;
    if (!type.is_tensor()) return;
    inputs.push_back(Tensor::allocate(type.tensor.element, shapes[i]));
  }
  state_->executor(inputs)->prepare(*state_->pool);
}

void Session::run(std::span<const Tensor> inputs, std::span<Tensor> outputs,
                  const RunOptions& options) {
  const size_t count = engine().graph().outputs().size();
  if (outputs.size() != count) {
    fail(ErrorCode::invalid_argument, "the graph has {} outputs, room for {} was given", count,
         outputs.size());
  }
  const RunControl control{options.deadline, options.cancelled, options.memory_budget};
  control.check();
  const std::shared_ptr<Executor> executor = state_->executor(inputs);
  const auto taken = [&](const Tensor& tensor) { return executor->takes(tensor.place()); };
  if (std::all_of(inputs.begin(), inputs.end(), taken) &&
      std::all_of(outputs.begin(), outputs.end(), taken)) {
    executor->run(inputs, outputs, control, *state_->pool);
    return;
  }
  std::vector<Tensor> given, results;
  for (const Tensor& input : inputs) given.push_back(taken(input) ? input : copied_to({}, input));
  for (const Tensor& output : outputs) results.push_back(taken(output) ? output : Tensor());
  executor->run(given, results, control, *state_->pool);
  for (size_t i = 0; i < count; ++i) {
    const bool fits = outputs[i].type() == results[i].type() &&
                      outputs[i].shape() == results[i].shape() && !taken(outputs[i]);
    if (fits) {
      copy_elements(results[i], outputs[i]);
    } else {
      outputs[i] = results[i];
    }
  }
}

std::vector<Tensor> Session::run(std::span<const Tensor> inputs, const RunOptions& options) {
  std::vector<Tensor> outputs(engine().graph().outputs().size());
  run(inputs, outputs, options);
  return outputs;
}

PlanReport Session::profile(std::span<const Tensor> inputs) {
  return state_->executor(inputs)->profile(inputs, *state_->pool);
}

std::optional<double> Session::device_seconds(std::span<const Tensor> inputs, int runs) {
  return state_->executor(inputs)->device_seconds(runs);
}

PlanReport Session::report(std::span<const Tensor> inputs) {
  return state_->executor(inputs)->report();
}

}  // namespace drawbar

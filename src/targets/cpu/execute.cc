#include <bit>
#include <chrono>
#include <cstring>
#include <numeric>

#include "base/checked.h"
#include "ops/map_rows/op.h"
#include "targets/cpu/plan_step.h"

namespace drawbar::cpu {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

void Plan::prepare(ThreadPool& pool) {
  context_.packed->map(pool);
  auto frame = std::make_unique<Frame>(static_cast<size_t>(arena_bytes_));
  populate(frame->arena, frame->bytes);
  for (const auto& step : steps_) {
    const int runs = step->kind == Step::Kind::rows ? pool.threads() : 1;
    for (const auto& subplan : step->subplans) {
      for (int i = 0; i < runs; ++i) subplan->prepare(one_thread());
    }
  }
  give_back(std::move(frame));
}

std::unique_ptr<Plan::Frame> Plan::take_frame() {
  std::unique_ptr<Frame> frame;
  {
    const std::lock_guard lock(frames_mutex_);
    if (!frames_.empty()) {
      frame = std::move(frames_.back());
      frames_.pop_back();
    }
  }
  if (!frame) frame = std::make_unique<Frame>(static_cast<size_t>(arena_bytes_));
  if (frame->address.empty()) fill(*frame);
  return frame;
}

void Plan::give_back(std::unique_ptr<Frame> frame) {
  const std::lock_guard lock(frames_mutex_);
  frames_.push_back(std::move(frame));
}

void Plan::fill(Frame& frame) const {
  frame.address.assign(graph_.value_count(), nullptr);
  frame.tensors.resize(graph_.value_count());
  size_t pointers = 0;
  for (const auto& step : steps_) {
    const Node& node = graph_.node(step->node);
    pointers += node.inputs.size() + node.outputs.size();
  }
  frame.pointers.resize(pointers);
  for (ValueId id = 0; id < graph_.value_count(); ++id) {
    const ValueId r = root(id);
    if (place_[r] == Place::constant) {
      if (!is_read_[r]) continue;
      const Value& value = graph_.value(r);
      const Tensor& tensor = value.constant->tensor();
      frame.address[id] = const_cast<void*>(tensor.raw());
      if (needs_tensor_[id]) {
        frame.tensors[id] =
            id == r ? tensor : tensor.reshaped(graph_.value(id).type.tensor.shape());
      }
    } else if (place_[r] == Place::arena) {
      frame.address[id] = place(id, frame.arena + offset_[r]);
      if (needs_tensor_[id]) frame.tensors[id] = view(id, frame.address[id]);
    }
  }
}

Tensor Plan::view(ValueId id, void* address) const {
  const TensorType& type = graph_.value(id).type.tensor;
  return Tensor::view(type.element, type.shape(), address);
}

void Plan::set_addresses(Frame& frame, std::span<const Tensor> inputs, std::span<Tensor> outputs) {
  for (size_t i = 0; i < graph_.inputs().size(); ++i) {
    const ValueId id = graph_.inputs()[i];
    frame.address[id] = const_cast<void*>(inputs[i].raw());
    if (needs_tensor_[id]) frame.tensors[id] = inputs[i];
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ValueId id = graph_.outputs()[i], r = root(id);
    if (place_[r] != Place::output || slot_[r] != i) continue;
    const TensorType& type = graph_.value(id).type.tensor;
    Tensor& out = outputs[i];
    const bool fits =
        out.has_value() && out.kind() == Tensor::Kind::tensor && out.type() == type.element &&
        std::equal(out.shape().begin(), out.shape().end(), type.dims.begin(), type.dims.end(),
                   [](int64_t a, const Dim& b) { return b.value() == a; });
    if (!fits) out = context_.values->allocate(type.element, type.shape());
    frame.address[r] = out.raw();
  }
  for (ValueId id : moving_) {
    frame.address[id] = place(id, frame.address[root(id)]);
    const bool given = place_[id] == Place::input && root(id) == id;
    if (needs_tensor_[id] && !given) frame.tensors[id] = view(id, frame.address[id]);
  }
}

void Plan::finish(Frame& frame, std::span<Tensor> outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ValueId id = graph_.outputs()[i], r = root(id);
    if (place_[r] == Place::output && slot_[r] == i) continue;
    outputs[i] = place_[r] == Place::dynamic ? frame.tensors[id] : frame.tensors[id].clone();
  }
  for (ValueId id = 0; id < graph_.value_count(); ++id) {
    if (place_[root(id)] == Place::dynamic) frame.tensors[id] = Tensor();
  }
  for (ValueId id : graph_.inputs()) frame.tensors[id] = Tensor();
}

const Tensor& Plan::tensor(Frame& frame, ValueId id) const { return frame.tensors[id]; }

void Plan::run(std::span<const Tensor> inputs, std::span<Tensor> outputs, const RunControl& control,
               ThreadPool& pool) {
  run_timed(inputs, outputs, control, pool, nullptr);
}

void Plan::run_timed(std::span<const Tensor> inputs, std::span<Tensor> outputs,
                     const RunControl& control, ThreadPool& pool, std::vector<StepTime>* times) {
  context_.packed->check(pool);
  std::unique_ptr<Frame> frame = take_frame();
  set_addresses(*frame, inputs, outputs);
  run_steps(*frame, control, pool, times);
  finish(*frame, outputs);
  give_back(std::move(frame));
}

void Plan::run_steps(Frame& frame, const RunControl& control, ThreadPool& pool,
                     std::vector<StepTime>* times) {
  const auto began = times ? Clock::now() : Clock::time_point();
  for (const auto& step : steps_) {
    control.check();
    const double start = times ? seconds_since(began) : 0;
    const size_t before = times ? times->size() : 0;
    try {
      execute(frame, *step, control, pool, times);
    } catch (const Error& error) {
      throw error.at(describe(graph_.node(step->node)));
    }
    for (ValueId id : step->release) frame.tensors[id] = Tensor();
    if (!times) continue;
    if (step->kind == Step::Kind::rows) {
      for (size_t i = before; i < times->size(); ++i) (*times)[i].start += start;
    } else {
      times->push_back({start, seconds_since(began) - start});
    }
  }
}

void Plan::rehearse(ThreadPool& pool) {
  constexpr std::chrono::seconds most(60);
  const auto is_dynamic = [](const auto& step) { return step->kind == Step::Kind::dynamic; };
  if (std::none_of(steps_.begin(), steps_.end(), is_dynamic)) return;
  std::vector<Tensor> inputs;
  for (ValueId id : graph_.inputs()) {
    if (!is_placed(graph_.value(id).type)) return;
    inputs.push_back(sample(graph_.value(id).type.tensor));
  }
  std::vector<Tensor> outputs(graph_.outputs().size());
  try {
    run(inputs, outputs, {.deadline = Clock::now() + most}, pool);
  } catch (const Error&) {  // made-up inputs may be wrong ones: what was timed until then stays
  }
}

PlanReport Plan::profile(std::span<const Tensor> inputs, ThreadPool& pool) {
  PlanReport result = report();
  std::vector<Tensor> outputs(graph_.outputs().size());
  std::vector<StepTime> times;
  run_timed(inputs, outputs, {}, pool, &times);
  for (size_t i = 0; i < times.size(); ++i) {
    result.steps[i].start = times[i].start;
    result.steps[i].seconds = times[i].seconds;
  }
  return result;
}

void Plan::execute(Frame& frame, const Step& step, const RunControl& control, ThreadPool& pool,
                   std::vector<StepTime>* times) {
  switch (step.kind) {
    case Step::Kind::kernel:
      execute_kernel(frame, *step.kernel, step, pool);
      break;
    case Step::Kind::rows:
      execute_rows(frame, step, control, pool, times);
      break;
    case Step::Kind::reference:
      execute_reference(frame, step, control, pool);
      break;
    case Step::Kind::dynamic:
      execute_dynamic(frame, step, control, pool);
      break;
  }
}

void Plan::execute_kernel(Frame& frame, const Kernel& kernel, const Step& step, ThreadPool& pool) {
  const Node& node = graph_.node(step.node);
  void** const first = frame.pointers.data() + step.first_pointer;
  void** at = first;
  for (ValueId id : node.inputs) *at++ = id == no_id ? nullptr : frame.address[id];
  for (ValueId id : node.outputs) *at++ = frame.address[id];
  void* scratch = frame.arena + step.scratch_offset;
  if (step.kind == Step::Kind::dynamic && kernel.scratch_bytes() > 0) {
    if (frame.dynamic_scratch_bytes < kernel.scratch_bytes()) {
      Tensor memory =
          Tensor::allocate(ElementType::u8, {static_cast<int64_t>(kernel.scratch_bytes())});
      frame.dynamic_scratch = memory.raw();
      frame.dynamic_scratch_bytes = kernel.scratch_bytes();
      frame.scratch_owner = std::make_shared<Tensor>(std::move(memory));
    }
    scratch = frame.dynamic_scratch;
  }
  kernel.run({{const_cast<const void* const*>(first), node.inputs.size()},
              {first + node.inputs.size(), node.outputs.size()},
              scratch,
              pool});
}

/// The parts of the batch, each by one thread from beginning to end. `times` gets one entry for
/// every step of the part's plan: its share of the time that all parts took, as if the steps had
/// run one after the other since this one began.
void Plan::execute_rows(Frame& frame, const Step& step, const RunControl& control, ThreadPool& pool,
                        std::vector<StepTime>* times) {
  const Node& node = graph_.node(step.node);
  const auto batched = static_cast<size_t>(node.op.as<ops::MapRows>()->batched);
  Plan& plan = *step.subplans[0];
  const auto part_of = [&](ValueId id, const Value& shape, int64_t part) {
    const TensorType& type = shape.type.tensor;
    auto* data = static_cast<std::byte*>(frame.address[id]);
    return Tensor::view(type.element, type.shape(),
                        data + part * storage_bytes(type.element, type.size().value()));
  };
  std::mutex mutex;
  std::vector<double> sums;
  const auto start = Clock::now();
  pool.parallel_for(parts_of(step), 1, [&](int64_t begin, int64_t end, int) {
    std::vector<Tensor> inputs(node.inputs.size()), outputs(node.outputs.size());
    for (int64_t part = begin; part < end; ++part) {
      for (size_t i = 0; i < inputs.size(); ++i) {
        const Value& read = plan.graph_.value(plan.graph_.inputs()[i]);
        inputs[i] = part_of(node.inputs[i], read, i < batched ? part : 0);
      }
      for (size_t i = 0; i < outputs.size(); ++i)
        outputs[i] = part_of(node.outputs[i], plan.graph_.value(plan.graph_.outputs()[i]), part);
      std::vector<StepTime> of_part;
      plan.run_timed(inputs, outputs, control, one_thread(), times ? &of_part : nullptr);
      for (size_t i = 0; i < outputs.size(); ++i) {
        Tensor there = part_of(node.outputs[i], plan.graph_.value(plan.graph_.outputs()[i]), part);
        if (there.raw() == outputs[i].raw()) continue;
        if (there.bytes() != outputs[i].bytes()) {
          fail(ErrorCode::internal, "output {} of a part has {} bytes, planned {}", i,
               outputs[i].bytes(), there.bytes());
        }
        std::memcpy(there.raw(), outputs[i].raw(), static_cast<size_t>(there.bytes()));
      }
      if (!times) continue;
      const std::lock_guard lock(mutex);
      sums.resize(of_part.size());
      for (size_t i = 0; i < of_part.size(); ++i) sums[i] += of_part[i].seconds;
    }
  });
  if (!times) return;
  const double all = seconds_since(start);
  const double sum = std::accumulate(sums.begin(), sums.end(), 0.0);
  double at = 0;
  for (double each : sums) {
    times->push_back({at, sum > 0 ? each / sum * all : 0});
    at += times->back().seconds;
  }
}

namespace {

/// Copies between memory orders, one element at a time: only for the reference on channels-last
/// values, where no kernel applies.
Tensor reordered(const Tensor& from, bool to_channels_last) {
  Tensor to = Tensor::allocate(from.type(), from.shape());
  const auto* source = from.data<float>();
  auto* target = to.data<float>();
  const int64_t n = from.dim(0), c = from.dim(1), pixels = from.dim(2) * from.dim(3);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t k = 0; k < c; ++k) {
      for (int64_t p = 0; p < pixels; ++p) {
        const int64_t planar = (i * c + k) * pixels + p, last = (i * pixels + p) * c + k;
        target[to_channels_last ? last : planar] = source[to_channels_last ? planar : last];
      }
    }
  }
  return to;
}

}  // namespace

void Plan::execute_reference(Frame& frame, const Step& step, const RunControl& control,
                             ThreadPool& pool) {
  const Node& node = graph_.node(step.node);
  std::vector<const Tensor*> inputs(node.inputs.size(), nullptr);
  std::list<Tensor> converted;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (node.inputs[i] == no_id) continue;
    inputs[i] = &tensor(frame, node.inputs[i]);
    if (graph_.value(node.inputs[i]).type.tensor.layout == Layout::channels_last) {
      converted.push_back(reordered(*inputs[i], false));
      inputs[i] = &converted.back();
    }
  }
  const SubgraphRunner subgraphs = [&](size_t which, std::vector<Tensor> given) {
    Plan& plan = *step.subplans.at(which);
    std::vector<Tensor> results(plan.graph_.outputs().size());
    plan.run(given, results, control, pool);
    return results;
  };
  NodeEvaluation evaluation(inputs, node.outputs.size(), control, pool, &subgraphs,
                            context_.values.get());
  const bool placed = step.kind == Step::Kind::reference;
  const auto layout = [&](size_t i) { return graph_.value(node.outputs[i]).type.tensor.layout; };
  for (size_t i = 0; placed && i < node.outputs.size(); ++i) {
    const TensorType& type = graph_.value(node.outputs[i]).type.tensor;
    if (layout(i) == Layout::row_major && frame.address[node.outputs[i]]) {
      evaluation.bind(i, Tensor::view(type.element, type.shape(), frame.address[node.outputs[i]]));
    }
  }
  node.op.reference(evaluation);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const ValueId id = node.outputs[i];
    Tensor result = std::move(evaluation.results()[i]);
    if (!result.has_value()) {
      if (graph_.is_used(id)) frame.tensors[id] = Tensor();
      continue;
    }
    if (layout(i) == Layout::channels_last) result = reordered(result, true);
    if (!placed) {
      // A view of memory that is planned for other values later must not outlive this step.
      const bool borrowed = result.kind() == Tensor::Kind::tensor && !result.is_owned();
      frame.tensors[id] = borrowed ? result.clone() : std::move(result);
      frame.address[id] = frame.tensors[id].raw();
    } else if (result.raw() != frame.address[id] && frame.address[id]) {
      const TensorType& type = graph_.value(id).type.tensor;
      if (result.type() != type.element || Dims(to_dims(result.shape())) != type.dims) {
        fail(ErrorCode::internal, "output {} is {}, planned as {}", i, to_string(Type::of(result)),
             to_string(type));
      }
      std::memcpy(frame.address[id], result.raw(), static_cast<size_t>(result.bytes()));
    }
  }
}

void Plan::execute_dynamic(Frame& frame, const Step& step, const RunControl& control,
                           ThreadPool& pool) {
  const Node& node = graph_.node(step.node);
  if (step.small || !step.subplans.empty() || tactics_for(node.op.name()).empty()) {
    if (!step.small && step.subplans.empty()) expect_accepted(frame, step);
    execute_reference(frame, step, control, pool);
    return;
  }
  // Shapes, and the contents of small vectors that may steer shapes, name the kernel.
  std::vector<int64_t> key;
  for (ValueId id : node.inputs) {
    if (id == no_id || graph_.value(id).is_constant()) continue;
    const Tensor& t = tensor(frame, id);
    if (t.kind() != Tensor::Kind::tensor || t.type() == ElementType::string) {
      execute_reference(frame, step, control, pool);
      return;
    }
    key.push_back(t.rank());
    key.insert(key.end(), t.shape().begin(), t.shape().end());
    if (t.rank() <= 1 && t.size() <= 16) {
      for (int64_t i = 0; i < t.size(); ++i) {
        key.push_back(is_floating(t.type())
                          ? static_cast<int64_t>(std::bit_cast<uint64_t>(read_number(t, i)))
                          : read_integer(t, i));
      }
    }
  }
  CachedKernel found;
  Step& cached = const_cast<Step&>(step);
  {
    const std::lock_guard lock(cached.cache_mutex);
    for (auto it = cached.cache.begin(); it != cached.cache.end(); ++it) {
      if (it->key != key) continue;
      cached.cache.splice(cached.cache.begin(), cached.cache, it);
      found = cached.cache.front();
      break;
    }
  }
  if (found.key.empty()) {
    found = make_dynamic_kernel(frame, step);
    context_.packed->check(pool);
    found.key = key;
    const std::lock_guard lock(cached.cache_mutex);
    cached.cache.push_front(found);
    if (cached.cache.size() > 16) cached.cache.pop_back();
  }
  if (!found.kernel) {
    execute_reference(frame, step, control, pool);
    return;
  }
  for (ValueId id : node.inputs) {
    if (id != no_id && place_[root(id)] == Place::dynamic)
      frame.address[id] = frame.tensors[id].raw();
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const Operand& out = found.outputs[i];
    control.check_bytes(storage_bytes(out.type, element_count(out.shape)));
    frame.tensors[node.outputs[i]] = context_.values->allocate(out.type, out.shape);
    frame.address[node.outputs[i]] = frame.tensors[node.outputs[i]].raw();
  }
  execute_kernel(frame, *found.kernel, step, pool);
}

namespace {

/// Whether another tactic could save more than it takes to find it.
bool is_worth_timing(const Problem& problem) {
  constexpr double least = 20e-6;
  const auto tactics = tactics_for(problem.op.name());
  return some_tactic_takes(problem) &&
         std::all_of(tactics.begin(), tactics.end(), [&](const Tactic& tactic) {
           return !tactic.takes(problem) || tactic.seconds(problem) >= least;
         });
}

/// What inference says of the tensors at hand.
void infer_now(const Node& node, Infer& context) {
  try {
    node.op.infer(context);
  } catch (const Error& error) {  // the model is right, the values at hand are not
    if (error.code() != ErrorCode::invalid_model) throw;
    throw Error(ErrorCode::invalid_argument, error.message());
  }
}

}  // namespace

/// References trust shapes that inference has accepted: where those were not known before, it is
/// asked now.
void Plan::expect_accepted(Frame& frame, const Step& step) const {
  const Node& node = graph_.node(step.node);
  std::vector<Type> types(node.inputs.size());
  std::vector<Infer::Input> given(node.inputs.size());
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == no_id) continue;
    const Tensor& t = tensor(frame, node.inputs[i]);
    if (t.kind() != Tensor::Kind::tensor || !t.has_value()) return;
    types[i] = Type::of(t);
    given[i] = {&types[i], &t, nullptr};
  }
  Infer context(node.name, given, node.outputs.size());
  infer_now(node, context);
}

/// Infers the node for the tensors at hand and makes a kernel for it, if one applies.
CachedKernel Plan::make_dynamic_kernel(Frame& frame, const Step& step) {
  const Node& node = graph_.node(step.node);
  std::vector<Type> types(node.inputs.size());
  std::vector<Infer::Input> given(node.inputs.size());
  std::vector<Operand> inputs(node.inputs.size());
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    if (id == no_id) continue;
    const Tensor& t = tensor(frame, id);
    types[i] = Type::of(t);
    given[i].type = &types[i];
    given[i].constant = &t;
    inputs[i].type = t.type();
    inputs[i].shape = t.shape();
    inputs[i].layout = graph_.value(id).type.tensor.layout;
    inputs[i].present = true;
    inputs[i].constant = graph_.value(id).constant;
    if (!inputs[i].constant && t.rank() <= 1 && t.size() <= 16)
      inputs[i].constant = std::make_shared<const Constant>(t.clone());
  }
  Infer context(node.name, given, node.outputs.size());
  infer_now(node, context);
  CachedKernel result;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const Type& type = context.results()[i].type;
    if (!is_placed(type)) return result;
    Operand out;
    out.type = type.tensor.element;
    out.shape = type.tensor.shape();
    out.layout = graph_.value(node.outputs[i]).type.tensor.layout;
    out.present = true;
    result.outputs.push_back(std::move(out));
  }
  const Problem problem{node.op,      inputs,           result.outputs, context_.threads,
                        context_.isa, *context_.packed, context_.strict};
  ThreadPool* timing_pool = is_worth_timing(problem) ? context_.timing_pool : nullptr;
  if (const Tactic* tactic = context_.chooser->choose(problem, timing_pool))
    result.kernel = tactic->make(problem);
  return result;
}

}  // namespace drawbar::cpu

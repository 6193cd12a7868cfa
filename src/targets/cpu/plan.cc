#include "targets/cpu/plan.h"

#include <algorithm>
#include <cstring>

#include "ops/concat/op.h"
#include "ops/map_rows/op.h"
#include "ops/reorder/op.h"
#include "ops/reshape/op.h"
#include "targets/cpu/plan_step.h"
#include "targets/step_report.h"

namespace drawbar::cpu {

bool is_placed(const Type& type) {
  return type.is_static() && type.tensor.element != ElementType::string;
}

Tensor sample(const TensorType& type) {
  Tensor result = Tensor::allocate(type.element, type.shape());
  std::memset(result.raw(), 0, static_cast<size_t>(result.bytes()));
  if (type.element == ElementType::f32) {
    auto* data = result.data<float>();
    for (int64_t i = 0; i < result.size(); ++i) data[i] = static_cast<float>(i % 97) * 0.01f - 0.4f;
  }
  return result;
}

ThreadPool& one_thread() {
  static ThreadPool pool(1);
  return pool;
}

Plan::Plan(Graph graph, const PlanContext& context) : graph_(std::move(graph)), context_(context) {
  parent_.resize(graph_.value_count());
  for (ValueId id = 0; id < parent_.size(); ++id) parent_[id] = id;
  place_.assign(graph_.value_count(), Place::none);
  offset_.assign(graph_.value_count(), 0);
  slot_.assign(graph_.value_count(), 0);
  is_read_.assign(graph_.value_count(), 0);
  slices_ = find_slices(graph_, context.threads, context.isa);
  build_steps(context);
  place_values();
}

Plan::~Plan() = default;

ValueId Plan::root(ValueId id) const {
  while (parent_[id] != id) id = parent_[id];
  return id;
}

void* Plan::place(ValueId id, void* root) const {
  const TensorType& type = graph_.value(id).type.tensor;
  if (slices_[id].of == no_id) return root;
  return static_cast<std::byte*>(root) + storage_bytes(type.element, slices_[id].channel);
}

/// Whether output 0 has the bytes of input 0.
bool Plan::shares_memory(const Node& node) const {
  if (ops::is_view(node.op)) return true;
  if (!node.op.as<ops::Reorder>()) return false;
  const TensorType& type = graph_.value(node.inputs[0]).type.tensor;
  return type.dims[1] == Dim(1) || (type.dims[2] == Dim(1) && type.dims[3] == Dim(1));
}

void Plan::share_slices() {
  for (ValueId id = 0; id < slices_.size(); ++id) {
    if (slices_[id].of == no_id) continue;
    parent_[id] = slices_[id].of;
    place_[slices_[id].of] = place_[id] = Place::arena;
  }
}

std::vector<Operand> Plan::inputs_of(const Node& node) const {
  std::vector<Operand> operands = drawbar::operands(graph_, node.inputs);
  if (!node.op.as<ops::Concat>()) return operands;
  // What lies in the output already need not be copied.
  const Slice& y = slices_[node.outputs[0]];
  const ValueId of = y.of == no_id ? node.outputs[0] : y.of;
  int64_t channel = y.channel;
  for (size_t i = 0; i < operands.size(); ++i) {
    const Slice& x = slices_[node.inputs[i]];
    operands[i].present = x.of != of || x.channel != channel;
    if (operands[i].rank() > 1) channel += operands[i].dim(1);
  }
  return operands;
}

std::vector<Operand> Plan::outputs_of(const Node& node) const {
  std::vector<Operand> operands;
  for (ValueId id : node.outputs) {
    operands.push_back(operand(graph_.value(id)));
    operands.back().present = graph_.is_used(id);
    operands.back().pitch = slices_[id].pitch;
  }
  return operands;
}

int64_t Plan::parts_of(const Step& step) const {
  const Node& node = graph_.node(step.node);
  return graph_.value(node.inputs[0]).type.tensor.dims[0].value() /
         node.op.as<ops::MapRows>()->rows;
}

void Plan::build_steps(const PlanContext& context) {
  for (ValueId id = 0; id < graph_.value_count(); ++id) {
    if (graph_.value(id).is_constant()) place_[id] = Place::constant;
  }
  for (size_t i = 0; i < graph_.inputs().size(); ++i) {
    const ValueId id = graph_.inputs()[i];
    place_[id] = is_placed(graph_.value(id).type) ? Place::input : Place::dynamic;
    slot_[id] = static_cast<uint32_t>(i);
  }
  share_slices();
  size_t pointers = 0;
  for (NodeId id : graph_.order()) {
    const Node& node = graph_.node(id);
    bool placed = true;
    for (ValueId input : node.inputs) {
      placed &=
          input == no_id || graph_.value(input).is_constant() || place_[input] != Place::dynamic;
      placed &= input == no_id || is_placed(graph_.value(input).type);
    }
    for (ValueId output : node.outputs) placed &= is_placed(graph_.value(output).type);
    if (placed && shares_memory(node)) {
      parent_[node.outputs[0]] = node.inputs[0];
      place_[node.outputs[0]] = place_[root(node.inputs[0])];
      continue;
    }
    auto step = std::make_unique<Step>();
    step->node = id;
    const bool rows = placed && node.op.as<ops::MapRows>();
    PlanContext inner = context;
    if (rows) {
      inner.threads = 1;
      if (inner.timing_pool) inner.timing_pool = &one_thread();
    }
    for (const GraphPtr& subgraph : node.subgraphs)
      step->subplans.push_back(std::make_unique<Plan>(*subgraph, inner));
    std::vector<Operand> inputs, outputs;
    if (placed) {
      inputs = inputs_of(node);
      outputs = outputs_of(node);
      if (node.op.as<ops::Concat>() && !inputs.empty() &&
          std::none_of(inputs.begin(), inputs.end(), [](const Operand& o) { return o.present; }))
        continue;
      const Problem problem{node.op,     inputs,          outputs,       context.threads,
                            context.isa, *context.packed, context.strict};
      step->tactic = context.chooser->choose(problem, context.timing_pool);
      if (step->tactic) {
        step->kernel = step->tactic->make(problem);
        step->scratch_bytes = step->kernel->scratch_bytes();
      }
    }
    if (step->kernel) {
      step->kind = Step::Kind::kernel;
    } else if (rows) {
      step->kind = Step::Kind::rows;
    } else if (placed && node.op.has_reference()) {
      step->kind = Step::Kind::reference;
    } else {
      step->kind = Step::Kind::dynamic;
      if (!node.op.has_reference() && tactics_for(node.op.name()).empty()) {
        fail(ErrorCode::unsupported, "{}: the CPU target has no implementation", describe(node));
      }
      bool small = true;
      for (ValueId input : node.inputs) {
        if (input == no_id) continue;
        const Type& type = graph_.value(input).type;
        small &= type.is_tensor() && type.tensor.ranked && type.tensor.rank() <= 1 &&
                 !is_floating(type.tensor.element);
      }
      step->small = small;
    }
    const Place place = step->kind == Step::Kind::dynamic ? Place::dynamic : Place::arena;
    for (ValueId output : node.outputs) place_[output] = place;
    const auto is_slice = [&](ValueId value) {
      return value != no_id && slices_[value].of != no_id;
    };
    if (step->kind != Step::Kind::kernel &&
        (std::any_of(node.inputs.begin(), node.inputs.end(), is_slice) ||
         std::any_of(node.outputs.begin(), node.outputs.end(), is_slice)))
      fail(ErrorCode::internal, "{}: no kernel for slices of channels", describe(node));
    const uint32_t packed = step->kernel ? step->kernel->packed_inputs() : 0;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] != no_id && (i >= 32 || (packed >> i & 1) == 0))
        is_read_[root(node.inputs[i])] = 1;
    }
    step->first_pointer = pointers;
    pointers += node.inputs.size() + node.outputs.size();
    steps_.push_back(std::move(step));
  }
}

/// Lets a step's output take over the memory of an input that nobody reads afterwards.
void Plan::unite_in_place(const std::vector<int>& last_use) {
  std::vector<char> pinned(graph_.value_count(), 0);
  for (ValueId output : graph_.outputs()) pinned[root(output)] = 1;
  std::vector<int> last = last_use;
  for (size_t s = 0; s < steps_.size(); ++s) {
    const Step& step = *steps_[s];
    if (!step.tactic || step.tactic->in_place < 0) continue;
    const Node& node = graph_.node(step.node);
    const auto index = static_cast<size_t>(step.tactic->in_place);
    if (index >= node.inputs.size() || node.inputs[index] == no_id) continue;
    const ValueId input = root(node.inputs[index]), output = node.outputs[0];
    if (parent_[output] != output) continue;
    if (place_[input] != Place::arena || pinned[input] || last[input] != static_cast<int>(s))
      continue;
    const auto bytes = [&](ValueId id) {
      const TensorType& type = graph_.value(id).type.tensor;
      return storage_bytes(type.element, type.size().value());
    };
    if (bytes(input) != bytes(output) || bytes(node.inputs[index]) != bytes(output)) continue;
    bool alone = true;
    for (size_t i = 0; i < node.inputs.size(); ++i)
      alone &= i == index || node.inputs[i] == no_id || root(node.inputs[i]) != input;
    if (!alone) continue;
    parent_[output] = input;
    last[input] = std::max(last[input], last_use[output]);
    pinned[input] = pinned[output];
  }
}

void Plan::place_values() {
  const int count = static_cast<int>(steps_.size());
  for (ValueId id : graph_.outputs()) is_read_[root(id)] = 1;
  for (ValueId id = 0; id < graph_.value_count(); ++id) {
    if (is_read_[id] && graph_.value(id).is_constant())
      context_.packed->will_read(graph_.value(id).constant);
  }
  const auto lifetimes = [&](std::vector<int>& first, std::vector<int>& last) {
    first.assign(graph_.value_count(), count);
    last.assign(graph_.value_count(), -1);
    for (int s = 0; s < count; ++s) {
      const Node& node = graph_.node(steps_[static_cast<size_t>(s)]->node);
      const auto touch = [&](ValueId id) {
        if (id == no_id) return;
        const ValueId r = root(id);
        first[r] = std::min(first[r], s);
        last[r] = std::max(last[r], s);
      };
      for (ValueId id : node.inputs) touch(id);
      for (ValueId id : node.outputs) touch(id);
    }
    for (ValueId id : graph_.outputs()) last[root(id)] = count;
  };
  std::vector<int> first, last;
  lifetimes(first, last);
  unite_in_place(last);
  lifetimes(first, last);
  for (size_t i = 0; i < graph_.outputs().size(); ++i) {
    const ValueId r = root(graph_.outputs()[i]);
    if (place_[r] != Place::arena) continue;
    place_[r] = Place::output;
    slot_[r] = static_cast<uint32_t>(i);
  }
  std::vector<Lifetime> buffers;
  std::vector<ValueId> owners;
  for (ValueId id = 0; id < graph_.value_count(); ++id) {
    if (place_[id] != Place::arena || root(id) != id || last[id] < 0) continue;
    const TensorType& type = graph_.value(id).type.tensor;
    buffers.push_back({storage_bytes(type.element, type.size().value()) + 64, first[id], last[id]});
    owners.push_back(id);
  }
  const size_t values = buffers.size();
  for (int s = 0; s < count; ++s) {
    const size_t bytes = steps_[static_cast<size_t>(s)]->scratch_bytes;
    if (bytes) buffers.push_back({static_cast<int64_t>(bytes), s, s});
  }
  const MemoryPlan plan = plan_memory(buffers);
  for (size_t i = 0; i < values; ++i) offset_[owners[i]] = plan.offsets[i];
  size_t next = values;
  for (auto& step : steps_) {
    if (step->scratch_bytes) step->scratch_offset = plan.offsets[next++];
  }
  arena_bytes_ = plan.arena_bytes;
  needs_tensor_.assign(graph_.value_count(), 0);
  for (const auto& step : steps_) {
    if (step->kind == Step::Kind::kernel || step->kind == Step::Kind::rows) continue;
    const Node& node = graph_.node(step->node);
    for (ValueId id : node.inputs) {
      if (id != no_id) needs_tensor_[id] = 1;
    }
    for (ValueId id : node.outputs) needs_tensor_[id] = 1;
  }
  for (size_t i = 0; i < graph_.outputs().size(); ++i) {
    const ValueId id = graph_.outputs()[i];
    if (place_[root(id)] != Place::output || slot_[root(id)] != i) needs_tensor_[id] = 1;
  }
  for (ValueId id = 0; id < graph_.value_count(); ++id) {
    const Place place = place_[root(id)];
    if (place == Place::input || place == Place::output) moving_.push_back(id);
    if (place == Place::dynamic) needs_tensor_[id] = 1;
  }
  for (ValueId id = 0; id < graph_.value_count(); ++id) {
    if (place_[id] == Place::dynamic && root(id) == id && last[id] >= 0 && last[id] < count) {
      steps_[static_cast<size_t>(last[id])]->release.push_back(id);
    }
  }
}

PlanReport Plan::report() const {
  PlanReport report;
  report.shapes = describe_inputs(graph_);
  report.threads = context_.threads;
  report.arena_bytes = arena_bytes_;
  report.packed_bytes = static_cast<int64_t>(context_.packed->bytes());
  for (const auto& step : steps_) {
    const Node& node = graph_.node(step->node);
    if (step->kind == Step::Kind::rows) {
      const int64_t parts = parts_of(*step);
      PlanReport part = step->subplans[0]->report();
      report.arena_bytes += part.arena_bytes * std::min<int64_t>(parts, context_.threads);
      for (StepReport& line : part.steps) {
        line.operations *= parts;
        line.executed_operations *= static_cast<double>(parts);
        line.bytes *= parts;
        line.shapes = fmt::format("{} x ({})", parts, line.shapes);
        report.steps.push_back(std::move(line));
      }
      continue;
    }
    StepReport line = describe_step(graph_, node);
    line.tactic = step->kind == Step::Kind::kernel      ? std::string(step->tactic->name)
                  : step->kind == Step::Kind::reference ? "reference"
                                                        : "dynamic";
    const std::optional<double> executed =
        step->kernel ? step->kernel->executed_operations() : std::nullopt;
    line.executed_operations = executed.value_or(static_cast<double>(line.operations));
    report.steps.push_back(std::move(line));
  }
  return report;
}

}  // namespace drawbar::cpu

#include "targets/cuda/plan.h"

#include <algorithm>

#include "ops/reorder/op.h"
#include "ops/reshape/op.h"
#include "targets/cuda/plan_step.h"
#include "targets/step_report.h"

namespace drawbar::cuda {
Plan::Plan(Graph graph, const PlanContext& context) : graph_(std::move(graph)), context_(context) {
  parent_.resize(graph_.value_count());
  for (ValueId id = 0; id < parent_.size(); ++id) parent_[id] = id;
  offset_.assign(graph_.value_count(), 0);
  is_read_.assign(graph_.value_count(), 0);
  constants_.resize(graph_.value_count());
  if (context_.gpu) context_.gpu->make_current();
  build_steps();
  choose_tactics();
  compile();
  choose_lanes();
  if (context_.gpu) frames_.push_back(make_frame());  // what does not fit is refused now
}

Plan::~Plan() = default;

ValueId Plan::root(ValueId id) const {
  while (parent_[id] != id) id = parent_[id];
  return id;
}

/// Whether output 0 has the bytes of input 0.
bool Plan::shares_memory(const Node& node) const {
  if (ops::is_view(node.op)) return true;
  if (!node.op.as<ops::Reorder>()) return false;
  const TensorType& type = graph_.value(node.inputs[0]).type.tensor;
  if (type.dims[1] == Dim(1)) return true;
  return std::all_of(type.dims.begin() + 2, type.dims.end(),
                     [](const Dim& dim) { return dim == Dim(1); });
}

void Plan::build_steps() {
  for (NodeId id : graph_.order()) {
    const Node& node = graph_.node(id);
    if (shares_memory(node)) {
      parent_[node.outputs[0]] = node.inputs[0];
      continue;
    }
    auto step = std::make_unique<Step>();
    step->node = id;
    step->inputs = operands(graph_, node.inputs);
    step->outputs = operands(graph_, node.outputs);
    for (size_t i = 0; i < node.outputs.size(); ++i)
      step->outputs[i].present = i == 0 || graph_.is_used(node.outputs[i]);
    steps_.push_back(std::move(step));
  }
}

Problem Plan::problem_of(const Step& step) const {
  return {graph_.node(step.node).op, step.inputs,     step.outputs,  context_.info,
          *context_.packed,          context_.strict, context_.tf32, context_.code.get()};
}

void Plan::choose_tactics() {
  std::vector<Problem> problems;
  for (const auto& step : steps_) problems.push_back(problem_of(*step));
  if (context_.time_tactics && context_.gpu)
    context_.chooser->time(problems, *context_.gpu, *context_.code);
  for (size_t s = 0; s < steps_.size(); ++s) {
    Step& step = *steps_[s];
    const Node& node = graph_.node(step.node);
    step.tactic = context_.chooser->choose(problems[s]);
    if (!step.tactic) {
      fail(ErrorCode::unsupported, "target cuda: {}: no kernel takes these shapes",
           drawbar::describe(node));
    }
    step.kernel = step.tactic->make(problems[s]);
    const uint32_t packed = step.kernel->packed_inputs();
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] != no_id && (i >= 32 || !(packed >> i & 1)))
        is_read_[root(node.inputs[i])] = 1;
    }
  }
  for (ValueId id : graph_.outputs()) is_read_[root(id)] = 1;
}

/// Compiles the code of all steps; where there is a GPU, brings it and the constants there.
void Plan::compile() {
  std::vector<const Launch*> launches;
  for (const auto& step : steps_) {
    for (const Launch& launch : step->kernel->launches()) launches.push_back(&launch);
    step->kernel->keep(*context_.code);
  }
  code_.emplace(launches, *context_.code, context_.info.architecture, context_.gpu.get());
  if (!context_.gpu) return;
  for (const auto& step : steps_) {
    for (const Launch& launch : step->kernel->launches())
      step->functions.push_back(code_->function(launch));
    for (const PackedBuffer& buffer : step->kernel->packed()) {
      step->packed_memory.push_back(context_.constants->get(buffer));
      step->packed.push_back(step->packed_memory.back().get());
    }
  }
  for (ValueId id = 0; id < graph_.value_count(); ++id) {
    const Value& value = graph_.value(id);
    if (value.is_constant() && is_read_[id] && bytes_of(value) > 0)
      constants_[id] = context_.constants->get(value.constant);
  }
}

StepReport Plan::describe(const Step& step) const {
  StepReport line = describe_step(graph_, graph_.node(step.node));
  line.tactic = step.tactic->name;
  line.executed_operations =
      step.kernel->executed_operations().value_or(static_cast<double>(line.operations));
  return line;
}

StepReport Plan::describe_copy(const char* name, const std::vector<ValueId>& values) const {
  StepReport line;
  line.op = "Copy";
  line.tactic = name;
  for (ValueId id : values) {
    line.bytes += bytes_of(graph_.value(id));
    line.shapes +=
        (line.shapes.empty() ? "[" : " [") + to_string(graph_.value(id).type.tensor.dims) + "]";
  }
  return line;
}

PlanReport Plan::report() const {
  PlanReport report;
  report.shapes = describe_inputs(graph_);
  report.arena_bytes = arena_bytes_;
  report.packed_bytes = context_.constants ? static_cast<int64_t>(context_.constants->bytes()) : 0;
  report.steps.push_back(describe_copy("to_device", graph_.inputs()));
  for (const auto& step : steps_) report.steps.push_back(describe(*step));
  report.steps.push_back(describe_copy("to_host", graph_.outputs()));
  return report;
}

}  // namespace drawbar::cuda

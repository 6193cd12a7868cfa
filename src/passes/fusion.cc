#include "passes/fusion.h"

#include <algorithm>

namespace drawbar {
namespace {

bool fits(const ops::Program& program) {
  return program.inputs <= most_fused_inputs &&
         static_cast<int>(program.instructions.size()) <= most_fused_instructions;
}

/// The rank that values with more than one element (or none that are constant) give the result.
int64_t rank_without_scalars(const Graph& graph, const Node& node) {
  int64_t rank = -1;
  for (ValueId input : node.inputs) {
    if (!scalar_of(graph, input)) rank = std::max(rank, graph.value(input).type.tensor.rank());
  }
  return rank;
}

std::optional<Fused> of_elementwise(const Graph& graph, const Node& node,
                                    const ops::Elementwise& op) {
  std::vector<ElementType> types;
  for (ValueId input : node.inputs) {
    if (!is_ranked_tensor(graph, input)) return std::nullopt;
    types.push_back(element_of(graph, input));
  }
  if (!ops::fits_program(op, types) || !is_ranked_tensor(graph, node.outputs[0]))
    return std::nullopt;
  if (rank_without_scalars(graph, node) != graph.value(node.outputs[0]).type.tensor.rank())
    return std::nullopt;
  Fused result;
  for (ValueId input : node.inputs) {
    const bool known =
        std::find(result.inputs.begin(), result.inputs.end(), input) != result.inputs.end();
    if (!known && !scalar_of(graph, input)) result.inputs.push_back(input);
  }
  result.program.inputs = static_cast<int>(result.inputs.size());
  ops::Instruction instruction{.function = op.function, .p = op.p, .q = op.q};
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const auto found = std::find(result.inputs.begin(), result.inputs.end(), node.inputs[i]);
    auto index = static_cast<int>(found - result.inputs.begin());
    if (found == result.inputs.end()) {
      const auto number = static_cast<float>(*scalar_of(graph, node.inputs[i]));
      index = result.program.append(ops::Function::Constant, {}, number);
    }
    instruction.operands[i] = static_cast<uint16_t>(index);
  }
  result.program.instructions.push_back(instruction);
  return result;
}

}  // namespace

std::optional<Fused> as_program(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (const auto* op = node.op.as<ops::Pointwise>()) {
    Fused result{op->program, node.inputs};
    merge_equal_inputs(result.program, result.inputs);
    return result;
  }
  const auto* op = node.op.as<ops::Elementwise>();
  return op ? of_elementwise(graph, node, *op) : std::nullopt;
}

void merge_equal_inputs(ops::Program& program, std::vector<ValueId>& inputs, size_t from) {
  for (size_t kept = from; kept < inputs.size(); ++kept) {
    for (size_t gone = inputs.size(); gone-- > kept + 1;) {
      if (inputs[gone] != inputs[kept]) continue;
      program.merge_inputs(static_cast<int>(kept), static_cast<int>(gone));
      inputs.erase(inputs.begin() + static_cast<std::ptrdiff_t>(gone));
    }
  }
}

std::optional<Fused> fuse(const Fused& first, const Fused& then, size_t input) {
  Fused result;
  if (!first.program.has_room(static_cast<int>(then.program.instructions.size()),
                              then.program.inputs))
    return std::nullopt;
  result.program = compose(first.program, then.program, static_cast<int>(input));
  result.inputs = first.inputs;
  for (size_t i = 0; i < then.inputs.size(); ++i) {
    if (i != input) result.inputs.push_back(then.inputs[i]);
  }
  merge_equal_inputs(result.program, result.inputs);
  if (!fits(result.program)) return std::nullopt;
  return result;
}

bool is_read_only_by(const Graph& graph, ValueId value, const std::vector<NodeId>& nodes) {
  const auto& uses = graph.value(value).uses;
  return !graph.is_output(value) && std::all_of(uses.begin(), uses.end(), [&](const Use& use) {
    return std::find(nodes.begin(), nodes.end(), use.node) != nodes.end();
  });
}

bool comes_later(const Graph& graph, NodeId a, NodeId b) {
  return std::pair(graph.node(a).rank, a) > std::pair(graph.node(b).rank, b);
}

}  // namespace drawbar

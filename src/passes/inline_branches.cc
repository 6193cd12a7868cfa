#include "passes/inline_branches.h"

#include <algorithm>

#include "ir/splice.h"
#include "ops/control_flow/op.h"
#include "passes/match.h"
#include "passes/subgraph.h"

namespace drawbar {
namespace {

/// Adds a subgraph's nodes to a patch; gives the values that stand for its outputs.
std::vector<ValueId> splice(Patch& patch, const Graph& inner, const std::vector<ValueId>& inputs) {
  return drawbar::splice(
      inner, inputs, [&](const Value& value) { return patch.constant(value.constant, value.name); },
      [&](const Node& node, std::vector<ValueId> given) {
        return patch.add_all(node.op, std::move(given), node.outputs.size(), node.name,
                             node.subgraphs);
      });
}

/// Which subgraph reads input i of the node as which of its own inputs, when it only reads it.
struct Reading {
  size_t subgraph, input;
};
std::optional<Reading> reading_of(const Node& node, size_t i) {
  if (const auto* op = node.op.as<ops::If>()) {
    const auto first = static_cast<size_t>(op->then_inputs);
    if (i == 0) return std::nullopt;
    return i <= first ? Reading{0, i - 1} : Reading{1, i - 1 - first};
  }
  if (const auto* op = node.op.as<ops::Loop>()) {
    if (i < 2 + static_cast<size_t>(op->carried + op->appended)) return std::nullopt;
    return Reading{0, i - static_cast<size_t>(op->appended)};
  }
  if (const auto* op = node.op.as<ops::Scan>()) {
    const size_t lengths = op->batched ? 1 : 0;
    if (i < lengths + static_cast<size_t>(op->states + op->scanned)) return std::nullopt;
    return Reading{0, i - lengths};
  }
  return std::nullopt;
}

/// The operator with `gone` fewer inputs for its first branch.
Op with_fewer_inputs(const Op& op, size_t gone) {
  const auto* branches = op.as<ops::If>();
  if (!branches) return op;
  return ops::If{.then_inputs = branches->then_inputs - static_cast<int64_t>(gone)};
}

Patch sink_into(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  std::vector<std::map<size_t, ConstantPtr>> constants(node.subgraphs.size());
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId input = node.inputs[i];
    const auto reading = reading_of(node, i);
    const bool sinks = input != no_id && graph.value(input).is_constant() && reading &&
                       reading->subgraph < node.subgraphs.size() &&
                       reading->input < node.subgraphs[reading->subgraph]->inputs().size();
    if (sinks) {
      constants[reading->subgraph].emplace(reading->input, graph.value(input).constant);
    } else {
      inputs.push_back(input);
    }
  }
  if (inputs.size() == node.inputs.size()) return unchanged();
  std::vector<GraphPtr> subgraphs;
  for (size_t i = 0; i < node.subgraphs.size(); ++i) {
    subgraphs.push_back(
        std::make_shared<const Graph>(with_interface(*node.subgraphs[i], {constants[i], {}, {}})));
  }
  Patch patch(graph, id);
  const auto outputs = patch.add_all(with_fewer_inputs(node.op, constants[0].size()), inputs,
                                     node.outputs.size(), node.name, subgraphs);
  for (size_t i = 0; i < outputs.size(); ++i) patch.replace(node.outputs[i], outputs[i]);
  return patch;
}

}  // namespace

Patch inline_branches(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* op = node.op.as<ops::If>();
  if (!op || node.subgraphs.size() != 2) return unchanged();
  const Tensor* condition = constant_of(graph, node.inputs[0]);
  if (!condition || condition->size() != 1) return unchanged();
  const bool first = read_integer(*condition, 0) != 0;
  const auto split = node.inputs.begin() + 1 + op->then_inputs;
  const std::vector<ValueId> inputs =
      first ? std::vector(node.inputs.begin() + 1, split) : std::vector(split, node.inputs.end());
  if (std::find(inputs.begin(), inputs.end(), no_id) != inputs.end()) return unchanged();
  Patch patch(graph, id);
  const auto outputs = splice(patch, *node.subgraphs[first ? 0 : 1], inputs);
  for (size_t i = 0; i < outputs.size(); ++i) patch.replace(node.outputs[i], outputs[i]);
  return patch;
}

void sink_constants(Graph& graph, const PassOptions&) {
  apply_rule(graph, sink_into);
  // What has come in goes on into the subgraphs inside.
  for (NodeId id : graph.order()) {
    for (size_t i = 0; i < graph.node(id).subgraphs.size(); ++i) {
      Graph copy = *graph.node(id).subgraphs[i];
      sink_constants(copy, {});
      graph.set_subgraph(id, i, std::make_shared<const Graph>(std::move(copy)));
    }
  }
}

}  // namespace drawbar

#include "passes/fold_constants.h"

#include <algorithm>

#include "ir/evaluate_graph.h"
#include "passes/match.h"

namespace drawbar {
namespace {

constexpr int64_t always_allowed = int64_t{1} << 20;   // bytes of one result
constexpr int64_t most_operations = int64_t{4} << 30;  // of one node
constexpr std::string_view dequantize = "DequantizeLinear";

/// Whether a reader of the node's result also reads dequantised data that is not constant: then the
/// pair is a quantised operator, and its integer weights stay.
bool belongs_to_quantized_reader(const Graph& graph, const Node& node) {
  if (node.op.name() != dequantize) return false;
  for (const Use& use : graph.value(node.outputs[0]).uses) {
    for (ValueId other : graph.node(use.node).inputs) {
      if (other == no_id || other == node.outputs[0]) continue;
      const NodeId id = graph.value(other).producer;
      if (id != no_id && graph.node(id).op.name() == dequantize &&
          !graph.value(graph.node(id).inputs[0]).is_constant())
        return true;
    }
  }
  return false;
}

bool has_only_constants(const Graph& graph, const Node& node) {
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [&](ValueId id) { return id == no_id || graph.value(id).is_constant(); });
}

bool gives_tensors(const Graph& graph, const Node& node) {
  return std::all_of(node.outputs.begin(), node.outputs.end(),
                     [&](ValueId id) { return graph.value(id).type.is_tensor(); });
}

int64_t input_bytes(const Graph& graph, const Node& node) {
  int64_t bytes = 0;
  for (ValueId id : node.inputs) {
    if (id == no_id) continue;
    const Constant& constant = *graph.value(id).constant;
    bytes = checked_add(bytes, storage_bytes(constant.type(), element_count(constant.shape())));
  }
  return bytes;
}

/// Bytes of the outputs by their types; nothing when those are not known before running.
std::optional<int64_t> output_bytes(const Graph& graph, const Node& node) {
  int64_t bytes = 0;
  for (ValueId id : node.outputs) {
    const Type& type = graph.value(id).type;
    if (!type.is_static()) return std::nullopt;
    bytes =
        checked_add(bytes, storage_bytes(type.tensor.element, element_count(type.tensor.shape())));
  }
  return bytes;
}

bool is_cheap(const Graph& graph, const Node& node) {
  if (!node.op.schema().operations) return true;
  const Infer context(node.name, graph.infer_inputs(node.inputs), node.outputs.size());
  const Dim operations = node.op.schema().operations(node.op.attributes_struct(), context);
  return operations.is_constant() && operations.value() <= most_operations;
}

std::optional<std::vector<Tensor>> compute(const Graph& graph, const Node& node, int64_t limit) {
  std::vector<Tensor> inputs;
  for (ValueId id : node.inputs) {
    inputs.push_back(id == no_id ? Tensor() : graph.value(id).constant->tensor());
  }
  RunControl control;
  control.memory_budget = limit;
  try {
    auto results = evaluate_op(node.op, inputs, node.outputs.size(), control);
    int64_t bytes = 0;
    for (const Tensor& result : results) {
      if (!result.has_value() || result.kind() != Tensor::Kind::tensor) return std::nullopt;
      bytes = checked_add(bytes, result.bytes());
    }
    if (bytes > limit) return std::nullopt;
    return results;
  } catch (const Error&) {
    return std::nullopt;  // it fails while running, where the caller sees why
  }
}

/// `quantized`: also weights that wait for a quantised operator.
void fold(Graph& graph, const PassOptions& options, bool quantized) {
  int64_t left = options.fold_budget;
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!node.op.schema().deterministic || !node.op.has_reference() || !node.subgraphs.empty() ||
        node.inputs.empty() || !has_only_constants(graph, node) || !gives_tensors(graph, node) ||
        (!quantized && belongs_to_quantized_reader(graph, node)) || !is_cheap(graph, node))
      continue;
    const int64_t limit =
        std::min(left, std::max(checked_mul(4, input_bytes(graph, node)), always_allowed));
    const auto expected = output_bytes(graph, node);
    if (expected && *expected > limit) continue;
    const auto results = compute(graph, node, limit);
    if (!results) continue;
    const std::vector<ValueId> outputs = node.outputs;
    for (size_t i = 0; i < outputs.size(); ++i) {
      left -= (*results)[i].bytes();
      const ValueId constant =
          graph.add_constant((*results)[i].clone(), graph.value(outputs[i]).name + ".folded");
      graph.replace_value(outputs[i], constant);
    }
  }
  graph.remove_dead();
}

}  // namespace

void fold_constants(Graph& graph, const PassOptions& options) { fold(graph, options, false); }

void fold_dequantized(Graph& graph, const PassOptions& options) { fold(graph, options, true); }

}  // namespace drawbar

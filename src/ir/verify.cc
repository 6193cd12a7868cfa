
#include "ir/text.h"

namespace drawbar {
namespace {

[[noreturn]] void broken(const Graph& graph, const std::string& what) {
  fail(ErrorCode::internal, "verify: graph '{}': {}", graph.name, what);
}

void verify_values(const Graph& graph) {
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    const Value& value = graph.value(id);
    if (value.constant && value.producer != no_id)
      broken(graph, "constant '" + value.name + "' has a producer");
    if (value.producer != no_id) {
      const Node& node = graph.node(value.producer);
      if (value.output >= node.outputs.size() || node.outputs[value.output] != id) {
        broken(graph, "value '" + value.name + "' is not its producer's output");
      }
    }
    for (const Use& use : value.uses) {
      const Node& node = graph.node(use.node);
      if (use.input >= node.inputs.size() || node.inputs[use.input] != id) {
        broken(graph,
               "value '" + value.name + "' lists a use that " + describe(node) + " does not have");
      }
    }
  }
}

/// Whether inference today may give `b` where the graph says `a`: symbols may have become known.
bool compatible(const Type& a, const Type& b) {
  if (a.kind != b.kind) return false;
  if (!a.is_tensor()) return true;
  if (a.tensor.element != b.tensor.element) return false;
  if (!a.tensor.ranked || !b.tensor.ranked) return true;
  if (a.tensor.rank() != b.tensor.rank()) return false;
  for (size_t i = 0; i < a.tensor.dims.size(); ++i) {
    const Dim &x = a.tensor.dims[i], &y = b.tensor.dims[i];
    if (x.is_constant() && y.is_constant() && !(x == y)) return false;
  }
  return true;
}

}  // namespace

void verify(const Graph& graph) {
  verify_values(graph);
  std::vector<char> defined(graph.value_count(), 0);
  for (ValueId input : graph.inputs()) defined[input] = 1;
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    for (ValueId input : node.inputs) {
      if (input == no_id) continue;
      if (input >= graph.value_count())
        broken(graph, describe(node) + " reads a value that is not there");
      if (!defined[input] && !graph.value(input).is_constant()) {
        broken(graph,
               describe(node) + " reads '" + graph.value(input).name + "', which nothing defines");
      }
    }
    std::vector<GraphPtr> subgraphs = node.subgraphs;
    Infer context(node.name, graph.infer_inputs(node.inputs), node.outputs.size(), &subgraphs);
    try {
      node.op.infer(context);
    } catch (const Error& error) {
      throw error.at("verify: " + describe(node));
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const Value& value = graph.value(node.outputs[i]);
      if (!compatible(value.type, context.results()[i].type)) {
        broken(graph, describe(node) + ": output '" + value.name + "' is " + to_string(value.type) +
                          ", inferred " + to_string(context.results()[i].type));
      }
      defined[node.outputs[i]] = 1;
    }
    for (const GraphPtr& subgraph : node.subgraphs) verify(*subgraph);
  }
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const ValueId output = graph.outputs()[i];
    if (output >= graph.value_count() || (!defined[output] && !graph.value(output).is_constant())) {
      broken(graph, "output '" + graph.output_names()[i] + "' is not defined");
    }
  }
}

}  // namespace drawbar

#include "passes/drop_expands.h"

#include "passes/match.h"

namespace drawbar {

Patch drop_expands(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* op = node.op.as<ops::Elementwise>();
  if (!op || node.inputs.size() < 2 || !is_ranked_tensor(graph, node.outputs[0]))
    return unchanged();
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const NodeId before = graph.value(node.inputs[i]).producer;
    if (before == no_id || graph.node(before).op.name() != "Expand") continue;
    if (op->function == ops::Function::PRelu && i == 0) continue;  // the slope must spread over it
    const ValueId source = graph.node(before).inputs[0];
    if (!is_ranked_tensor(graph, source) || !is_ranked_tensor(graph, node.inputs[i])) continue;
    std::vector<ValueId> inputs = node.inputs;
    inputs[i] = source;
    Patch patch(graph, id);
    const ValueId result = patch.add(*op, inputs);
    if (patch.type(result) != graph.value(node.outputs[0]).type) continue;
    patch.replace(node.outputs[0], result);
    return patch;
  }
  return unchanged();
}

}  // namespace drawbar

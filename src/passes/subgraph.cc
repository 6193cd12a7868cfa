#include "passes/subgraph.h"

#include <numeric>

namespace drawbar {

Graph with_interface(const Graph& graph, const Interface& interface) {
  Graph result;
  result.name = graph.name;
  std::vector<ValueId> values(graph.value_count(), no_id);
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    if (interface.dropped.contains(i)) continue;
    const Value& input = graph.value(graph.inputs()[i]);
    const auto found = interface.constants.find(i);
    values[graph.inputs()[i]] = found == interface.constants.end()
                                    ? result.add_input(input.name, input.type)
                                    : result.add_constant(found->second, input.name);
  }
  const auto mapped = [&](ValueId id) {
    if (id == no_id) return no_id;
    const Value& value = graph.value(id);
    if (values[id] == no_id && value.is_constant())
      values[id] = result.add_constant(value.constant, value.name);
    return values[id];
  };
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    std::vector<ValueId> inputs;
    std::vector<std::string> names;
    for (ValueId input : node.inputs) inputs.push_back(mapped(input));
    for (ValueId output : node.outputs) names.push_back(graph.value(output).name);
    const NodeId copy =
        result.add_named_node(node.op, std::move(inputs), names, node.name, node.subgraphs);
    for (size_t i = 0; i < node.outputs.size(); ++i)
      values[node.outputs[i]] = result.node(copy).outputs[i];
  }
  std::vector<size_t> outputs = interface.outputs;
  if (outputs.empty()) {
    outputs.resize(graph.outputs().size());
    std::iota(outputs.begin(), outputs.end(), 0);
  }
  for (size_t i : outputs) result.add_output(mapped(graph.outputs()[i]), graph.output_names()[i]);
  return result;
}

}  // namespace drawbar

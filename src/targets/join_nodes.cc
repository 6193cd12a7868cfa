#include "targets/join_nodes.h"

#include <algorithm>

namespace drawbar {

bool is_read_once(const Graph& graph, ValueId id) {
  const auto& uses = graph.value(id).uses;
  return !graph.is_output(id) && std::count_if(uses.begin(), uses.end(), [&](const Use& use) {
                                   return graph.node(use.node).alive;
                                 }) == 1;
}

void join_nodes(Graph& graph, const Node& first, const Node& second, const Op& op,
                const std::vector<ValueId>& inputs, const TakesNode& takes) {
  const ValueId y = second.outputs[0];
  const auto is_known = [&](ValueId id) { return id == no_id || graph.value(id).type.is_static(); };
  if (!is_known(y) || !std::all_of(inputs.begin(), inputs.end(), is_known)) return;
  if (!takes(op, operands(graph, inputs), operands(graph, {y}))) return;
  const Type type = graph.value(y).type;
  const std::string name = graph.value(y).name, title = first.name + " + " + second.name;
  const NodeId joined = graph.add_node(op, inputs, 1, title, {}, second.rank);
  const ValueId result = graph.node(joined).outputs[0];
  graph.set_type(result, type);
  graph.set_value_name(result, name);
  graph.replace_value(y, result);
}

}  // namespace drawbar

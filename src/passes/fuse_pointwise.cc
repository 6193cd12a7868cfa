#include "passes/fuse_pointwise.h"

#include "passes/fusion.h"

namespace drawbar {

Patch fuse_pointwise(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const bool pointwise = node.op.as<ops::Elementwise>() || node.op.as<ops::Pointwise>();
  if (!pointwise || element_of(graph, node.outputs[0]) != ElementType::f32) return unchanged();
  const auto then = as_program(graph, id);
  if (!then) return unchanged();
  for (size_t i = 0; i < then->inputs.size(); ++i) {
    const ValueId value = then->inputs[i];
    const NodeId before = graph.value(value).producer;
    if (before == no_id || !is_read_only_by(graph, value, {id}) ||
        !is_ranked_tensor(graph, value) || dims_of(graph, value) != dims_of(graph, node.outputs[0]))
      continue;
    const auto first = as_program(graph, before);
    if (!first) continue;
    const auto whole = fuse(*first, *then, i);
    if (!whole) continue;
    Patch patch(graph, id);
    patch.replace(node.outputs[0], patch.add(ops::Pointwise{whole->program}, whole->inputs));
    return patch;
  }
  return unchanged();
}

}  // namespace drawbar

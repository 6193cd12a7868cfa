#include "passes/recognise_global_pool.h"

#include "ops/pool/op.h"
#include "ops/reduce/op.h"
#include "ops/reshape/op.h"
#include "passes/match.h"

namespace drawbar {

Patch recognise_global_pool(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* op = node.op.as<ops::Reduce>();
  if (!op || op->kind != ops::Reduction::mean) return unchanged();
  const ValueId x = node.inputs[0];
  if (!is_ranked_tensor(graph, x) || element_of(graph, x) != ElementType::f32) return unchanged();
  std::vector<int64_t> axes = op->axes;
  if (const ValueId input = optional_input(node, 1); input != no_id) {
    const Tensor* constant = constant_of(graph, input);
    if (!constant) return unchanged();
    axes = read_integers(*constant);
  }
  const int64_t rank = graph.value(x).type.tensor.rank();
  if (rank < 4 || rank > 5 || axes.empty()) return unchanged();
  const auto reduced = ops::reduced_axes(*op, axes, rank);
  for (size_t axis = 0; axis < reduced.size(); ++axis) {
    if (reduced[axis] != (axis >= 2)) return unchanged();
  }
  Patch patch(graph, id);
  ValueId mean = patch.add(ops::GlobalPool{.kind = ops::PoolKind::average}, {x});
  if (!op->keep_dims) mean = patch.add(ops::Flatten{}, {mean});
  if (patch.type(mean) != graph.value(node.outputs[0]).type) return unchanged();
  patch.replace(node.outputs[0], mean);
  return patch;
}

}  // namespace drawbar

#include "passes/merge_views.h"

#include <algorithm>

#include "ops/identity/op.h"
#include "ops/reshape/op.h"
#include "ops/transpose/op.h"
#include "passes/match.h"

namespace drawbar {
namespace {

ValueId shape_constant(Patch& patch, const std::vector<int64_t>& shape) {
  return patch.constant(
      Tensor::from<int64_t>({static_cast<int64_t>(shape.size())}, std::span(shape)));
}

/// Whether all dimensions but those of 1 keep their order.
bool only_moves_ones(const Dims& dims, const std::vector<int64_t>& permutation) {
  int64_t last = -1;
  for (int64_t axis : permutation) {
    if (dims[static_cast<size_t>(axis)] == Dim(1)) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

/// A Reshape whose result does not depend on the shape of its data, only on its size.
bool says_everything(const Graph& graph, const Node& node) {
  const auto* reshape = node.op.as<ops::Reshape>();
  if (!reshape) return false;
  const auto content = Infer(node.name, graph.infer_inputs(node.inputs), 1).content(1);
  return content && std::none_of(content->begin(), content->end(),
                                 [](const Dim& dim) { return dim == Dim(0); });
}

}  // namespace

std::optional<std::vector<int64_t>> shape_in_numbers(const Dims& data, const Dims& dims) {
  std::vector<int64_t> shape;
  int unknown = 0;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i].is_constant()) {
      if (dims[i].value() == 0) return std::nullopt;
      shape.push_back(dims[i].value());
    } else if (i < data.size() && dims[i] == data[i]) {
      shape.push_back(0);
    } else {
      shape.push_back(-1);
      ++unknown;
    }
  }
  if (unknown > 1) return std::nullopt;
  return shape;
}

Patch number_shapes(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const bool reshape = node.op.as<ops::Reshape>() && !graph.value(node.inputs[1]).is_constant();
  if (!reshape && !node.op.as<ops::ReshapeLike>()) return unchanged();
  const ValueId x = node.inputs[0], output = node.outputs[0];
  if (!is_ranked_tensor(graph, x) || !is_ranked_tensor(graph, output)) return unchanged();
  const auto numbers = shape_in_numbers(dims_of(graph, x), dims_of(graph, output));
  if (!numbers) return unchanged();
  Patch patch(graph, id);
  const ValueId shape = shape_constant(patch, *numbers);
  patch.replace(output, patch.add(ops::Reshape{}, {x, shape}));
  return patch;
}

Patch merge_views(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId output = node.outputs[0];
  ValueId source = no_id;
  if (const auto* transpose = node.op.as<ops::Transpose>()) {
    const ValueId x = node.inputs[0];
    if (!is_ranked_tensor(graph, x)) return unchanged();
    const auto permutation = transpose->resolved(graph.value(x).type.tensor.rank());
    if (std::is_sorted(permutation.begin(), permutation.end())) return unchanged();
    if (!only_moves_ones(dims_of(graph, x), permutation)) return unchanged();
    source = x;
  } else if (ops::is_view(node.op) && !node.op.as<ops::Identity>()) {
    const NodeId before = graph.value(node.inputs[0]).producer;
    if (before == no_id || !ops::is_view(graph.node(before).op)) return unchanged();
    source = graph.node(before).inputs[0];
  }
  if (source == no_id || !is_ranked_tensor(graph, output) || !is_ranked_tensor(graph, source))
    return unchanged();
  Patch patch(graph, id);
  ValueId shape = no_id;
  if (const auto numbers = shape_in_numbers(dims_of(graph, source), dims_of(graph, output))) {
    shape = shape_constant(patch, *numbers);
  } else if (says_everything(graph, node)) {
    shape = node.inputs[1];
  } else {
    return unchanged();
  }
  patch.replace(output, patch.add(ops::Reshape{}, {source, shape}));
  return patch;
}

}  // namespace drawbar

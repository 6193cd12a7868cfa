#include "passes/recognise_softmax.h"

#include "ops/reduce/op.h"
#include "ops/softmax/op.h"
#include "passes/match.h"

namespace drawbar {
namespace {

using ops::Function;

/// The one axis (non-negative) over which `value` is this reduction of `x` that keeps dimensions.
std::optional<int64_t> reduced_axis(const Graph& graph, ValueId value, ops::Reduction kind,
                                    ValueId x) {
  const auto* op = producer_as<ops::Reduce>(graph, value);
  if (!op || op->kind != kind || !op->keep_dims || input_of(graph, value) != x) return std::nullopt;
  const Node& node = producer(graph, value);
  std::vector<int64_t> axes = op->axes;
  if (const ValueId input = optional_input(node, 1); input != no_id) {
    const Tensor* constant = constant_of(graph, input);
    if (!constant) return std::nullopt;
    axes = read_integers(*constant);
  }
  if (axes.size() != 1 || !is_ranked_tensor(graph, x)) return std::nullopt;
  return Infer::axis(axes[0], graph.value(x).type.tensor.rank());
}

}  // namespace

Patch recognise_softmax(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* op = node.op.as<ops::Elementwise>();
  if (!op || op->function != Function::Div) return unchanged();
  const ValueId exponential = node.inputs[0];
  if (!is_function(graph, exponential, Function::Exp)) return unchanged();
  const auto axis = reduced_axis(graph, node.inputs[1], ops::Reduction::sum, exponential);
  if (!axis) return unchanged();
  ValueId x = input_of(graph, exponential);
  if (is_function(graph, x, Function::Sub)) {
    const ValueId source = input_of(graph, x);
    const auto largest = reduced_axis(graph, input_of(graph, x, 1), ops::Reduction::max, source);
    if (largest == axis) x = source;
  }
  if (graph.value(x).type != graph.value(node.outputs[0]).type) return unchanged();
  const int64_t rank = graph.value(x).type.tensor.rank();
  Patch patch(graph, id);
  patch.replace(node.outputs[0],
                patch.add(ops::Softmax{.axis = *axis == rank - 1 ? -1 : *axis}, {x}));
  return patch;
}

}  // namespace drawbar

#include "passes/reduce_powers.h"

#include "passes/match.h"

namespace drawbar {

using ops::Elementwise;
using ops::Function;

Patch reduce_powers(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* op = node.op.as<Elementwise>();
  if (!op || op->function != Function::Pow) return unchanged();
  const ValueId x = node.inputs[0];
  const auto exponent = scalar_of(graph, node.inputs[1]);
  if (!exponent || !is_ranked_tensor(graph, x) || !is_floating(element_of(graph, x)) ||
      graph.value(x).type != graph.value(node.outputs[0]).type)
    return unchanged();
  Patch patch(graph, id);
  const auto root = [&] { return patch.add(Elementwise(Function::Sqrt), {x}); };
  const auto square = [&] { return patch.add(Elementwise(Function::Mul), {x, x}); };
  ValueId result = no_id;
  if (*exponent == 2) {
    result = square();
  } else if (*exponent == 3) {
    result = patch.add(Elementwise(Function::Mul), {square(), x});
  } else if (*exponent == 0.5) {
    result = root();
  } else if (*exponent == -0.5) {
    result = patch.add(Elementwise(Function::Reciprocal), {root()});
  } else if (*exponent == -1) {
    result = patch.add(Elementwise(Function::Reciprocal), {x});
  } else {
    return unchanged();
  }
  patch.replace(node.outputs[0], result);
  return patch;
}

}  // namespace drawbar

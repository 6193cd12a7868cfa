#include "passes/remove_identities.h"

#include <algorithm>

#include "ops/identity/op.h"
#include "ops/reshape/op.h"
#include "ops/transpose/op.h"
#include "passes/match.h"

namespace drawbar {
namespace {

using ops::Function;

constexpr int64_t most_elements = 4096;  // of a constant that is looked through

bool same_type(const Graph& graph, ValueId a, ValueId b) {
  return is_ranked_tensor(graph, a) && graph.value(a).type == graph.value(b).type;
}

/// Whether every element of a constant is this number.
bool is_all(const Graph& graph, ValueId id, double number) {
  const Value& value = graph.value(id);
  if (!value.is_constant() || element_count(value.constant->shape()) > most_elements) return false;
  const ElementKind element = kind(value.constant->type());
  if (element == ElementKind::string || element == ElementKind::complex) return false;
  const Tensor& tensor = value.constant->tensor();
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (read_number(tensor, i) != number) return false;
  }
  return true;
}

/// The operand that a pointwise function hands on unchanged, or no_id.
ValueId neutral_operand(const Graph& graph, const Node& node, const ops::Elementwise& op) {
  const auto other_is = [&](size_t i, double number) {
    return is_all(graph, node.inputs[i], number);
  };
  switch (op.function) {
    case Function::Add:
      return other_is(1, 0) ? node.inputs[0] : other_is(0, 0) ? node.inputs[1] : no_id;
    case Function::Mul:
      return other_is(1, 1) ? node.inputs[0] : other_is(0, 1) ? node.inputs[1] : no_id;
    case Function::Sub:
      return other_is(1, 0) ? node.inputs[0] : no_id;
    case Function::Div:
    case Function::Pow:
      return other_is(1, 1) ? node.inputs[0] : no_id;
    case Function::Clip:
      return std::isinf(op.p) && op.p < 0 && std::isinf(op.q) && op.q > 0 ? node.inputs[0] : no_id;
    case Function::Relu:
      return is_function(graph, node.inputs[0], Function::Relu) ? node.inputs[0] : no_id;
    default:
      return no_id;
  }
}

bool moves_nothing(const ops::Transpose& op, int64_t rank) {
  const auto permutation = op.resolved(rank);
  return std::is_sorted(permutation.begin(), permutation.end());
}

/// Of an operator by name, an attribute list or constant input full of this number.
bool has_constant_input(const Graph& graph, const Node& node, size_t i, double number) {
  const ValueId input = optional_input(node, i);
  return input == no_id || is_all(graph, input, number);
}

bool is_identity_by_name(const Graph& graph, const Node& node) {
  const std::string_view name = node.op.name();
  if (name == "Cast" || name == "CastLike") return true;
  if (name == "Expand" || name == "Tile") {  // sizes only known while running are checked there
    const Value& sizes = graph.value(node.inputs[1]);
    return sizes.is_constant() || sizes.content;
  }
  if (name == "Concat") return node.inputs.size() == 1;
  if (name == "Pad") return node.inputs.size() > 1 && has_constant_input(graph, node, 1, 0);
  if (name == "Slice") {  // as long as its input, so it takes everything unless it walks backwards
    return node.inputs.size() > 2 && has_constant_input(graph, node, 4, 1);
  }
  return false;
}

}  // namespace

Patch remove_identities(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (node.outputs.size() != 1 || node.inputs.empty() || node.inputs[0] == no_id)
    return unchanged();
  const ValueId output = node.outputs[0];
  ValueId kept = no_id;
  if (node.op.as<ops::Identity>()) {
    kept = node.inputs[0];
  } else if (const auto* pointwise = node.op.as<ops::Elementwise>()) {
    kept = neutral_operand(graph, node, *pointwise);
  } else if (const auto* transpose = node.op.as<ops::Transpose>()) {
    const bool idle = is_ranked_tensor(graph, output) &&
                      moves_nothing(*transpose, graph.value(output).type.tensor.rank());
    if (idle) kept = node.inputs[0];
  } else if (ops::is_view(node.op) || is_identity_by_name(graph, node)) {
    kept = node.inputs[0];
  }
  if (kept == no_id) return unchanged();
  if (!node.op.as<ops::Identity>() && !same_type(graph, kept, output)) return unchanged();
  Patch patch(graph, id);
  patch.replace(output, kept);
  return patch;
}

}  // namespace drawbar

#include "passes/merge_transposes.h"

#include <algorithm>
#include <numeric>

#include "ops/concat/op.h"
#include "ops/gather/op.h"
#include "ops/matmul/op.h"
#include "ops/softmax/op.h"
#include "ops/transpose/op.h"
#include "passes/match.h"

namespace drawbar {
namespace {

using Permutation = std::vector<int64_t>;

/// The permutation of the transpose that makes a value, or nothing.
std::optional<Permutation> transposed_by(const Graph& graph, ValueId value) {
  const auto* op = producer_as<ops::Transpose>(graph, value);
  if (!op || !is_ranked_tensor(graph, value)) return std::nullopt;
  return op->resolved(graph.value(value).type.tensor.rank());
}

Permutation inverse(const Permutation& permutation) {
  Permutation result(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i)
    result[static_cast<size_t>(permutation[i])] = static_cast<int64_t>(i);
  return result;
}

Permutation swap_last_two(Permutation permutation) {
  std::swap(permutation[permutation.size() - 1], permutation[permutation.size() - 2]);
  return permutation;
}

bool is_identity(const Permutation& permutation) {
  return std::is_sorted(permutation.begin(), permutation.end());
}

/// All uses of the value are inputs of this node.
bool is_read_only_by(const Graph& graph, ValueId value, NodeId node) {
  const auto& uses = graph.value(value).uses;
  return !graph.is_output(value) &&
         std::all_of(uses.begin(), uses.end(), [&](const Use& use) { return use.node == node; });
}

/// An operand that is no transpose, in the order before it: scalars stay, constants are turned.
/// Nothing when it cannot be had.
std::optional<ValueId> turned_operand(Patch& patch, const Graph& graph, ValueId value,
                                      const Permutation& permutation) {
  const Value& v = graph.value(value);
  if (!v.type.is_static()) return std::nullopt;
  const Shape shape = v.type.tensor.shape();
  if (element_count(shape) == 1 && shape.size() <= permutation.size()) return value;
  if (!v.is_constant() || shape.size() > permutation.size()) return std::nullopt;
  Shape full(permutation.size() - shape.size(), 1);
  full.insert(full.end(), shape.begin(), shape.end());
  const ValueId whole = patch.constant(v.constant->tensor().reshaped(full));
  return patch.add(ops::Transpose{inverse(permutation)}, {whole});
}

Patch sink_below_pointwise(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  std::optional<Permutation> permutation;
  for (ValueId input : node.inputs) {
    if (permutation || !is_read_only_by(graph, input, id)) continue;
    permutation = transposed_by(graph, input);
  }
  if (!permutation) return unchanged();
  Patch patch(graph, id);
  std::vector<ValueId> inputs;
  for (ValueId input : node.inputs) {
    if (transposed_by(graph, input) == permutation) {
      if (!is_read_only_by(graph, input, id)) return unchanged();
      inputs.push_back(input_of(graph, input));
    } else if (const auto turned = turned_operand(patch, graph, input, *permutation)) {
      inputs.push_back(*turned);
    } else {
      return unchanged();
    }
  }
  const ValueId result = patch.add(node.op, inputs);
  patch.replace(node.outputs[0], patch.add(ops::Transpose{*permutation}, {result}));
  return patch;
}

/// Operators with an axis: `with_axis` makes the operator for the axis before the transpose.
template <class WithAxis>
Patch sink_below_axis(const Graph& graph, NodeId id, int64_t axis, WithAxis&& with_axis) {
  const Node& node = graph.node(id);
  std::optional<Permutation> permutation;
  std::vector<ValueId> inputs;
  for (ValueId input : node.inputs) {
    const auto own = transposed_by(graph, input);
    if (!own || (permutation && *own != *permutation) || !is_read_only_by(graph, input, id))
      return unchanged();
    permutation = own;
    inputs.push_back(input_of(graph, input));
  }
  const auto rank = static_cast<int64_t>(permutation->size());
  const int64_t before = (*permutation)[static_cast<size_t>(Infer::axis(axis, rank))];
  Patch patch(graph, id);
  const ValueId result = patch.add(with_axis(before), inputs);
  patch.replace(node.outputs[0], patch.add(ops::Transpose{*permutation}, {result}));
  return patch;
}

/// Rows that are exchanged before the product with one matrix are exchanged behind it instead.
Patch sink_below_product(const Graph& graph, NodeId id, const ops::MatMul& op) {
  const Node& node = graph.node(id);
  const auto permutation = transposed_by(graph, node.inputs[0]);
  if (!permutation || op.transpose_a || !has_one_reader(graph, node.inputs[0]) ||
      permutation->back() != static_cast<int64_t>(permutation->size()) - 1)
    return unchanged();
  if (!is_ranked_tensor(graph, node.inputs[1]) || dims_of(graph, node.inputs[1]).size() != 2)
    return unchanged();
  for (size_t i = 2; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == no_id) continue;
    const Type& type = graph.value(node.inputs[i]).type;
    if (!type.tensor.ranked || type.tensor.rank() > 1) return unchanged();
  }
  Patch patch(graph, id);
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = input_of(graph, inputs[0]);
  const ValueId result = patch.add(op, inputs, node.name);
  patch.replace(node.outputs[0], patch.add(ops::Transpose{*permutation}, {result}));
  return patch;
}

/// Whether the node is a Gather of one known slice of the value.
bool takes_one_slice(const Graph& graph, const Node& node, ValueId value) {
  return node.op.as<ops::Gather>() && node.inputs[0] == value && node.inputs[1] != value &&
         graph.value(node.inputs[1]).is_constant() &&
         graph.value(node.inputs[1]).constant->shape().empty();
}

/// Taking one slice of a transposed value: the slice comes first.
Patch sink_below_gather(const Graph& graph, NodeId id, const ops::Gather& op) {
  const Node& node = graph.node(id);
  const auto permutation = transposed_by(graph, node.inputs[0]);
  if (!permutation || !takes_one_slice(graph, node, node.inputs[0])) return unchanged();
  const auto rank = static_cast<int64_t>(permutation->size());
  const auto at = static_cast<size_t>(Infer::axis(op.axis, rank));
  const int64_t before = (*permutation)[at];
  Permutation rest = *permutation;
  rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(at));
  for (int64_t& axis : rest) axis -= axis > before;
  // What has other readers stays, and its slices are turned for themselves only for free.
  const auto& uses = graph.value(node.inputs[0]).uses;
  const bool only_slices = !graph.is_output(node.inputs[0]) &&
                           std::all_of(uses.begin(), uses.end(), [&](const Use& use) {
                             return takes_one_slice(graph, graph.node(use.node), node.inputs[0]);
                           });
  if (!is_identity(rest) && !only_slices) return unchanged();
  Patch patch(graph, id);
  ValueId slice = patch.add(ops::Gather{before}, {input_of(graph, node.inputs[0]), node.inputs[1]});
  if (!is_identity(rest)) slice = patch.add(ops::Transpose{rest}, {slice});
  patch.replace(node.outputs[0], slice);
  return patch;
}

}  // namespace

Patch merge_transposes(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!node.op.as<ops::Transpose>()) return unchanged();
  const auto outer = transposed_by(graph, node.outputs[0]);
  const auto inner = transposed_by(graph, node.inputs[0]);
  if (!outer || !inner) return unchanged();
  Permutation both;
  for (int64_t axis : *outer) both.push_back((*inner)[static_cast<size_t>(axis)]);
  const ValueId source = input_of(graph, node.inputs[0]);
  Patch patch(graph, id);
  patch.replace(node.outputs[0],
                is_identity(both) ? source : patch.add(ops::Transpose{both}, {source}));
  return patch;
}

Patch sink_transposes(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (node.inputs.empty()) return unchanged();
  if (node.op.as<ops::Elementwise>()) return sink_below_pointwise(graph, id);
  if (const auto* softmax = node.op.as<ops::Softmax>()) {
    // Lines that were dense must not become strided.
    const auto permutation = transposed_by(graph, node.inputs[0]);
    if (!permutation) return unchanged();
    const auto rank = static_cast<int64_t>(permutation->size());
    const int64_t axis = Infer::axis(softmax->axis, rank);
    if (axis == rank - 1 && permutation->back() != rank - 1) return unchanged();
    return sink_below_axis(graph, id, softmax->axis, [&](int64_t axis) {
      return ops::Softmax{axis, softmax->log};
    });
  }
  if (const auto* product = node.op.as<ops::MatMul>())
    return sink_below_product(graph, id, *product);
  if (const auto* concat = node.op.as<ops::Concat>()) {
    return sink_below_axis(graph, id, concat->axis, [](int64_t axis) { return ops::Concat{axis}; });
  }
  if (const auto* gather = node.op.as<ops::Gather>()) return sink_below_gather(graph, id, *gather);
  return unchanged();
}

Patch absorb_transposes(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* op = node.op.as<ops::MatMul>();
  if (!op) return unchanged();
  for (size_t i = 0; i < 2; ++i) {
    const auto permutation = transposed_by(graph, node.inputs[i]);
    if (!permutation || permutation->size() < 2) continue;
    const auto last = static_cast<int64_t>(permutation->size()) - 1;
    const Permutation rest = swap_last_two(*permutation);
    const bool keeps_last = rest.back() == last && permutation->back() != last;
    if (!is_identity(rest) && !(keeps_last && has_one_reader(graph, node.inputs[i]))) continue;
    Patch patch(graph, id);
    std::vector<ValueId> inputs = node.inputs;
    inputs[i] = input_of(graph, node.inputs[i]);
    if (!is_identity(rest)) inputs[i] = patch.add(ops::Transpose{rest}, {inputs[i]});
    ops::MatMul product = *op;
    (i == 0 ? product.transpose_a : product.transpose_b) ^= true;
    patch.replace(node.outputs[0], patch.add(std::move(product), inputs));
    return patch;
  }
  return unchanged();
}

}  // namespace drawbar

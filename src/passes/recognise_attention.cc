#include "passes/recognise_attention.h"

#include <algorithm>

#include "ops/attention/op.h"
#include "ops/matmul/op.h"
#include "ops/reshape/op.h"
#include "ops/softmax/op.h"
#include "ops/transpose/op.h"
#include "passes/match.h"

namespace drawbar {
namespace {

using ops::Attention;
using ops::Function;
using Permutation = std::vector<int64_t>;

int64_t rank_of(const Graph& graph, ValueId value) { return graph.value(value).type.tensor.rank(); }

/// scale · q·kᵀ + mask
struct Scores {
  ValueId q = no_id, k = no_id, mask = no_id;
  float scale = 1;
};

std::optional<Scores> product_of(const Graph& graph, ValueId value) {
  const auto* op = producer_as<ops::MatMul>(graph, value);
  if (!op || !has_one_reader(graph, value) || op->transpose_a || !op->transpose_b ||
      !op->post.empty() || op->alpha == 0)
    return std::nullopt;
  const Node& node = producer(graph, value);
  return Scores{node.inputs[0], node.inputs[1], optional_input(node, ops::matmul_bias_input),
                op->alpha};
}

/// Whether a constant condition keeps something in every line of its last dimension.
bool keeps_something(const Graph& graph, ValueId condition) {
  const Tensor* mask = constant_of(graph, condition);
  if (!mask || mask->rank() == 0 || mask->size() == 0) return false;
  const int64_t length = mask->shape().back();
  for (int64_t line = 0; line < mask->size() / length; ++line) {
    bool any = false;
    for (int64_t i = 0; i < length; ++i) any |= read_integer(*mask, line * length + i) != 0;
    if (!any) return false;
  }
  return true;
}

/// The scores behind a softmax: a product, with a mask added or chosen.
std::optional<Scores> scores_of(const Graph& graph, ValueId value) {
  if (auto plain = product_of(graph, value)) return plain;
  const auto* op = producer_as<ops::Elementwise>(graph, value);
  if (!op || !has_one_reader(graph, value)) return std::nullopt;
  const Node& node = producer(graph, value);
  if (op->function == Function::Add) {
    for (size_t i = 0; i < 2; ++i) {
      auto scores = product_of(graph, node.inputs[i]);
      if (!scores || scores->mask != no_id) continue;
      scores->mask = node.inputs[1 - i];
      return scores;
    }
  }
  if (op->function == Function::Where && keeps_something(graph, node.inputs[0])) {
    const auto scores = product_of(graph, node.inputs[1]);
    const auto other = scalar_of(graph, node.inputs[2]);
    if (scores && scores->mask == no_id && other && *other <= -1e4)
      return Scores{scores->q, scores->k, node.inputs[0], scores->scale};
  }
  return std::nullopt;
}

/// The softmax behind the weights, through the replacement of its not-a-number (where no key is
/// attended) by zero.
ValueId probabilities(const Graph& graph, ValueId weights) {
  if (!has_one_reader(graph, weights)) return no_id;
  if (!is_function(graph, weights, Function::Where)) return weights;
  const Node& choice = producer(graph, weights);
  const ValueId softmax = choice.inputs[2];
  const bool replaces = is_function(graph, choice.inputs[0], Function::IsNaN) &&
                        input_of(graph, choice.inputs[0]) == softmax &&
                        scalar_of(graph, choice.inputs[1]) == 0.0 &&
                        graph.value(softmax).uses.size() == 2 && !graph.is_output(softmax) &&
                        has_one_reader(graph, choice.inputs[0]);
  return replaces ? softmax : no_id;
}

/// The dimensions fit Attention's: same batch and heads, and lines of one length.
bool shapes_fit(const Graph& graph, const Scores& scores, ValueId v) {
  for (ValueId operand : {scores.q, scores.k, v}) {
    if (!is_ranked_tensor(graph, operand) || element_of(graph, operand) != ElementType::f32)
      return false;
  }
  const Dims &q = dims_of(graph, scores.q), &k = dims_of(graph, scores.k),
             &of_v = dims_of(graph, v);
  const size_t rank = q.size();
  if ((rank != 3 && rank != 4) || k.size() != rank || of_v.size() != rank) return false;
  for (size_t i = 0; i + 2 < rank; ++i) {
    if (q[i] != k[i] || q[i] != of_v[i]) return false;
  }
  return q[rank - 1] == k[rank - 1] && k[rank - 2] == of_v[rank - 2];
}

/// The mask's last dimension is that of the keys, and the others spread over the scores.
bool mask_fits(const Graph& graph, ValueId mask, const Dims& q, const Dim& keys) {
  if (mask == no_id) return true;
  if (!is_ranked_tensor(graph, mask)) return false;
  Dims whole(q.begin(), q.end() - 1);
  whole.push_back(keys);
  const Dims& dims = dims_of(graph, mask);
  if (dims.empty() || dims.size() > whole.size() || dims.back() != keys) return false;
  const size_t missing = whole.size() - dims.size();
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] != Dim(1) && dims[i] != whole[i + missing]) return false;
  }
  return true;
}

/// The permutation of four dimensions that makes a value, or nothing.
std::optional<Permutation> transposed_by(const Graph& graph, ValueId value) {
  const auto* op = producer_as<ops::Transpose>(graph, value);
  if (!op || !is_ranked_tensor(graph, value) || rank_of(graph, value) != 4) return std::nullopt;
  return op->resolved(4);
}

/// The permutation with heads and rows exchanged in its result (`after`) or in its operand, when
/// that leaves the last two dimensions in their place.
std::optional<Permutation> without_exchange(Permutation permutation, bool after) {
  if (after) {
    std::swap(permutation[1], permutation[2]);
  } else {
    for (int64_t& axis : permutation) axis = axis == 1 ? 2 : axis == 2 ? 1 : axis;
  }
  if (permutation[2] != 2 || permutation[3] != 3) return std::nullopt;
  return permutation;
}

bool is_identity(const Permutation& permutation) {
  return std::is_sorted(permutation.begin(), permutation.end());
}

Patch absorb_operand_transposes(const Graph& graph, NodeId id, const Attention& op) {
  const Node& node = graph.node(id);
  Attention attention = op;
  bool* const heads_last[] = {&attention.q_heads_last, &attention.k_heads_last,
                              &attention.v_heads_last};
  std::vector<ValueId> inputs = node.inputs;
  Patch patch(graph, id);
  bool changed = false;
  for (size_t i = 0; i < 3; ++i) {
    const auto permutation = transposed_by(graph, inputs[i]);
    if (!permutation || *heads_last[i]) continue;
    const auto rest = without_exchange(*permutation, true);
    if (!rest || (!is_identity(*rest) && !has_one_reader(graph, inputs[i]))) continue;
    inputs[i] = input_of(graph, inputs[i]);
    if (!is_identity(*rest)) inputs[i] = patch.add(ops::Transpose{*rest}, {inputs[i]});
    *heads_last[i] = changed = true;
  }
  if (!changed) return unchanged();
  const auto outputs = patch.add_all(attention, inputs, node.outputs.size(), node.name);
  for (size_t i = 0; i < outputs.size(); ++i) patch.replace(node.outputs[i], outputs[i]);
  return patch;
}

Patch absorb_result_transpose(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId y = node.inputs[0];
  const auto* attention = producer_as<Attention>(graph, y);
  const auto permutation = transposed_by(graph, node.outputs[0]);
  if (!attention || attention->y_heads_last || !permutation || !has_one_reader(graph, y) ||
      producer(graph, y).outputs.size() != 1)
    return unchanged();
  const auto rest = without_exchange(*permutation, false);
  if (!rest) return unchanged();
  Attention heads_last = *attention;
  heads_last.y_heads_last = true;
  Patch patch(graph, id);
  ValueId result = patch.add(heads_last, producer(graph, y).inputs);
  if (!is_identity(*rest)) result = patch.add(ops::Transpose{*rest}, {result});
  patch.replace(node.outputs[0], result);
  return patch;
}

}  // namespace

Patch recognise_attention(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* product = node.op.as<ops::MatMul>();
  if (!product || product->transpose_a || product->transpose_b || product->alpha != 1 ||
      !product->post.empty() || optional_input(node, ops::matmul_bias_input) != no_id)
    return unchanged();
  const ValueId weights = probabilities(graph, node.inputs[0]), v = node.inputs[1];
  const auto* softmax = producer_as<ops::Softmax>(graph, weights);
  if (!softmax || softmax->log || !is_ranked_tensor(graph, weights)) return unchanged();
  const int64_t rank = rank_of(graph, weights);
  if (rank == 0 || Infer::axis(softmax->axis, rank) != rank - 1) return unchanged();
  const auto scores = scores_of(graph, input_of(graph, weights));
  if (!scores || !shapes_fit(graph, *scores, v)) return unchanged();
  const Dims& k = dims_of(graph, scores->k);
  if (!mask_fits(graph, scores->mask, dims_of(graph, scores->q), k[k.size() - 2]))
    return unchanged();
  Patch patch(graph, id);
  std::vector<ValueId> inputs = {scores->q, scores->k, v};
  if (scores->mask != no_id) inputs.push_back(scores->mask);
  for (ValueId& input : inputs) {
    if (rank_of(graph, input) == 3) input = patch.add(ops::Unsqueeze{{0}}, {input});
  }
  ValueId result = patch.add(Attention{.scale = scores->scale}, inputs);
  if (rank == 3) result = patch.add(ops::Squeeze{{0}}, {result});
  if (patch.type(result) != graph.value(node.outputs[0]).type) return unchanged();
  patch.replace(node.outputs[0], result);
  return patch;
}

Patch absorb_attention_transposes(const Graph& graph, NodeId id) {
  if (const auto* attention = graph.node(id).op.as<Attention>())
    return absorb_operand_transposes(graph, id, *attention);
  if (graph.node(id).op.as<ops::Transpose>()) return absorb_result_transpose(graph, id);
  return unchanged();
}

}  // namespace drawbar

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

const Permutation swapped4 = {0, 2, 1, 3}, swapped3 = {1, 0, 2};

int64_t rank_of(const Graph& graph, ValueId value) { return graph.value(value).type.tensor.rank(); }

bool is_transposed_by(const Graph& graph, ValueId value, const Permutation& permutation) {
  const auto* op = producer_as<ops::Transpose>(graph, value);
  return op && is_ranked_tensor(graph, value) &&
         rank_of(graph, value) == static_cast<int64_t>(permutation.size()) &&
         op->resolved(rank_of(graph, value)) == permutation;
}

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

/// An operand as [batch, heads, rows, size], or with its transpose absorbed.
ValueId operand(Patch& patch, const Graph& graph, ValueId value, bool& heads_last) {
  const bool flat = rank_of(graph, value) == 3;
  heads_last = is_transposed_by(graph, value, flat ? swapped3 : swapped4);
  if (heads_last) value = input_of(graph, value);
  return flat ? patch.add(ops::Unsqueeze{{0}}, {value}) : value;
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
  Attention attention{.scale = scores->scale};
  std::vector<ValueId> inputs = {operand(patch, graph, scores->q, attention.q_heads_last),
                                 operand(patch, graph, scores->k, attention.k_heads_last),
                                 operand(patch, graph, v, attention.v_heads_last)};
  if (scores->mask != no_id) {
    const bool of_heads = rank == 3 && rank_of(graph, scores->mask) == 3;
    inputs.push_back(of_heads ? patch.add(ops::Unsqueeze{{0}}, {scores->mask}) : scores->mask);
  }
  ValueId result = patch.add(attention, inputs);
  if (rank == 3) result = patch.add(ops::Squeeze{{0}}, {result});
  if (patch.type(result) != graph.value(node.outputs[0]).type) return unchanged();
  patch.replace(node.outputs[0], result);
  return patch;
}

Patch absorb_attention_transpose(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!node.op.as<ops::Transpose>() || !has_one_reader(graph, node.inputs[0])) return unchanged();
  const ValueId turned = node.inputs[0];
  const auto* squeeze = producer_as<ops::Squeeze>(graph, turned);
  const ValueId y = squeeze ? input_of(graph, turned) : turned;
  const auto* attention = producer_as<Attention>(graph, y);
  if (!attention || attention->y_heads_last || !has_one_reader(graph, y) ||
      producer(graph, y).outputs.size() != 1)
    return unchanged();
  if (squeeze &&
      (squeeze->axes != std::vector<int64_t>{0} || producer(graph, turned).inputs.size() > 1))
    return unchanged();
  if (!is_transposed_by(graph, node.outputs[0], squeeze ? swapped3 : swapped4)) return unchanged();
  Attention heads_last = *attention;
  heads_last.y_heads_last = true;
  Patch patch(graph, id);
  ValueId result = patch.add(heads_last, producer(graph, y).inputs);
  if (squeeze) result = patch.add(ops::Squeeze{{0}}, {result});
  patch.replace(node.outputs[0], result);
  return patch;
}

}  // namespace drawbar

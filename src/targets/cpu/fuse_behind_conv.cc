#include "targets/cpu/fuse_behind_conv.h"

#include <algorithm>

#include "ops/conv_depthwise/op.h"
#include "ops/conv_pool/op.h"
#include "ops/integer_add/op.h"
#include "ops/integer_conv_add/op.h"
#include "targets/cpu/byte_product.h"
#include "targets/cpu/plan.h"
#include "targets/cpu/select.h"

namespace drawbar::cpu {
namespace {

constexpr size_t kConvInputs = 3;  // x, w, b

/// The node as a convolution whose program reads nothing but the sums.
const ops::Conv* plain_conv(const Node& node) {
  const auto* conv = node.op.as<ops::Conv>();
  return conv && conv->post.inputs <= 1 && node.inputs.size() <= kConvInputs ? conv : nullptr;
}

bool is_read_once(const Graph& graph, ValueId id) {
  const auto& uses = graph.value(id).uses;
  return !graph.is_output(id) && std::count_if(uses.begin(), uses.end(), [&](const Use& use) {
                                   return graph.node(use.node).alive;
                                 }) == 1;
}

/// A convolution and the node behind it.
struct Pair {
  const Node &conv, &next;
  const Type& between;
};

/// The inputs of the pair's convolution, `most` of them, and those of the next node from the second
/// on.
std::vector<ValueId> joined_inputs(const Pair& pair, size_t most) {
  std::vector<ValueId> inputs = pair.conv.inputs;
  inputs.resize(most, no_id);
  inputs.insert(inputs.end(), pair.next.inputs.begin() + 1, pair.next.inputs.end());
  return inputs;
}

/// What is to stand in the place of two nodes: it gives the second one's result.
struct Joined {
  Op op;
  std::vector<ValueId> inputs;
  std::string_view way = {};  // in the name of a tactic that takes it
};

/// Puts it there where there is such a tactic.
void join(Graph& graph, const Node& first, const Node& second, const Joined& joined, Isa isa) {
  for (ValueId input : joined.inputs) {
    if (input != no_id && !is_placed(graph.value(input).type)) return;
  }
  const ValueId y = second.outputs[0];
  PackedConstants packed;
  const std::vector<Operand> given = operands(graph, joined.inputs), wanted = operands(graph, {y});
  const Problem problem{joined.op, given, wanted, 1, isa, packed};
  const auto tactics = tactics_for(joined.op.name());
  const bool found = std::any_of(tactics.begin(), tactics.end(), [&](const Tactic& tactic) {
    return tactic.name.find(joined.way) != std::string_view::npos && tactic.takes(problem);
  });
  if (!found) return;
  const Type type = graph.value(y).type;
  const std::string name = graph.value(y).name, title = first.name + " + " + second.name;
  const NodeId fused = graph.add_node(joined.op, joined.inputs, 1, title, {}, second.rank);
  const ValueId result = graph.node(fused).outputs[0];
  graph.set_type(result, type);
  graph.set_value_name(result, name);
  graph.replace_value(y, result);
}

void join_depthwise(Graph& graph, const Pair& pair, Isa isa) {
  const ops::Conv* depthwise = plain_conv(pair.next);
  if (!depthwise || depthwise->group == 1) return;
  const TensorType& between = pair.between.tensor;
  if (!(between.dims[1] == Dim(depthwise->group))) return;
  // Of one image, so that a part of a batch is fused where the whole is.
  const int64_t bytes = storage_bytes(between.element, between.size().value()) /
                        std::max<int64_t>(between.dims[0].value(), 1);
  if (bytes <= cache_sizes().l2 / 2) return;
  const Op op = ops::ConvDepthwise{*pair.conv.op.as<ops::Conv>(), *depthwise};
  join(graph, pair.conv, pair.next, {op, joined_inputs(pair, kConvInputs)}, isa);
}

void join_pool(Graph& graph, const Pair& pair, Isa isa) {
  const auto* pool = pair.next.op.as<ops::Pool>();
  if (!pool || pool->kind != ops::PoolKind::maximum || pair.next.outputs.size() != 1) return;
  const Op op = ops::ConvPool{*pair.conv.op.as<ops::Conv>(), *pool};
  const std::vector<ValueId> inputs = joined_inputs(pair, pair.conv.inputs.size());
  join(graph, pair.conv, pair.next, {op, inputs, "winograd"}, isa);
}

/// The quantised convolution, to bytes, whose result this alone reads.
const Node* byte_conv_of(const Graph& graph, ValueId value) {
  const NodeId id = graph.value(value).producer;
  if (id == no_id || !is_read_once(graph, value)) return nullptr;
  const Node& node = graph.node(id);
  const bool to_bytes =
      node.op.as<ops::QLinearConv>() && node.inputs[ByteOperands::kYZero] != no_id;
  return to_bytes && is_placed(graph.value(value).type) ? &node : nullptr;
}

/// The sum of two tensors of bytes, to the convolution of the two that is computed later.
void join_sum(Graph& graph, const Node& sum, Isa isa) {
  constexpr size_t kTerm = 3, kY = 6, kYEnd = 8;  // inputs of a term, and of what gives y
  const Node *a = byte_conv_of(graph, sum.inputs[0]), *b = byte_conv_of(graph, sum.inputs[kTerm]);
  if (!is_placed(graph.value(sum.outputs[0]).type) || (!a && !b)) return;
  const bool other_first = a == nullptr || (b != nullptr && b->rank > a->rank);
  const Node& conv = other_first ? *b : *a;
  const size_t q = other_first ? kTerm : 0, other = kTerm - q;
  std::vector<ValueId> inputs = conv.inputs;
  inputs.resize(ops::conv_add::other, no_id);
  for (size_t i = other; i < other + kTerm; ++i) inputs.push_back(sum.inputs[i]);
  inputs.insert(inputs.end(), {sum.inputs[q + 1], sum.inputs[q + 2]});
  for (size_t i = kY; i < kYEnd; ++i) inputs.push_back(sum.inputs[i]);
  const ops::QLinearConvAdd op{*conv.op.as<ops::QLinearConv>(), other_first};
  join(graph, conv, sum, {op, std::move(inputs)}, isa);
}

void fuse(Graph& graph, NodeId id, Isa isa) {
  const Node& next = graph.node(id);
  if (next.op.as<ops::QLinearAdd>()) return join_sum(graph, next, isa);
  if (next.inputs.empty() || next.inputs[0] == no_id || next.outputs.empty()) return;
  const ValueId between = next.inputs[0];
  const NodeId before = graph.value(between).producer;
  if (before == no_id || !plain_conv(graph.node(before)) || !is_read_once(graph, between)) return;
  const Type type = graph.value(between).type;
  if (!is_placed(type) || !is_placed(graph.value(next.outputs[0]).type)) return;
  if (type.tensor.rank() != 4) return;
  const Pair pair{graph.node(before), next, type};
  if (next.op.as<ops::Conv>()) {
    join_depthwise(graph, pair, isa);
  } else {
    join_pool(graph, pair, isa);
  }
}

}  // namespace

Graph fuse_behind_conv(Graph graph, Isa isa) {
  for (NodeId id : graph.order()) fuse(graph, id, isa);
  graph.remove_dead();
  return graph;
}

}  // namespace drawbar::cpu

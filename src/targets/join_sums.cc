#include "targets/join_sums.h"

#include "ops/integer_add/op.h"
#include "ops/integer_conv_add/op.h"

namespace drawbar {
namespace {

constexpr size_t kTerm = 3, kY = 6,
                 kYEnd = 8;  // QLinearAdd's inputs of a term, and of what gives y

/// The quantised convolution whose result this alone reads.
const Node* conv_of(const Graph& graph, ValueId value) {
  const NodeId id = graph.value(value).producer;
  if (id == no_id || !is_read_once(graph, value)) return nullptr;
  const Node& node = graph.node(id);
  return node.op.as<ops::QLinearConv>() ? &node : nullptr;
}

void join_sum(Graph& graph, const Node& sum, const TakesNode& takes) {
  const Node *a = conv_of(graph, sum.inputs[0]), *b = conv_of(graph, sum.inputs[kTerm]);
  if (!a && !b) return;
  const bool other_first = a == nullptr || (b != nullptr && b->rank > a->rank);
  const Node& conv = other_first ? *b : *a;
  const size_t q = other_first ? kTerm : 0, other = kTerm - q;
  std::vector<ValueId> inputs = conv.inputs;
  inputs.resize(ops::conv_add::other, no_id);
  for (size_t i = other; i < other + kTerm; ++i) inputs.push_back(sum.inputs[i]);
  inputs.insert(inputs.end(), {sum.inputs[q + 1], sum.inputs[q + 2]});
  for (size_t i = kY; i < kYEnd; ++i) inputs.push_back(sum.inputs[i]);
  const ops::QLinearConvAdd op{*conv.op.as<ops::QLinearConv>(), other_first};
  join_nodes(graph, conv, sum, op, inputs, takes);
}

}  // namespace

void join_sums(Graph& graph, const TakesNode& takes) {
  for (NodeId id : graph.order()) {
    if (graph.node(id).op.as<ops::QLinearAdd>()) join_sum(graph, graph.node(id), takes);
  }
  graph.remove_dead();
}

}  // namespace drawbar

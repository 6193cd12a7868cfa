#include "targets/cpu/fuse_behind_conv.h"

#include <algorithm>

#include "ops/conv_depthwise/op.h"
#include "ops/conv_pool/op.h"
#include "targets/cpu/plan.h"
#include "targets/cpu/select.h"
#include "targets/join_sums.h"

namespace drawbar::cpu {
namespace {

constexpr size_t kConvInputs = 3;       // x, w, b
constexpr size_t kDepthwiseInputs = 5;  // and the depthwise convolution's w, b

/// The node as a convolution whose program reads nothing but the sums.
const ops::Conv* plain_conv(const Node& node) {
  const auto* conv = node.op.as<ops::Conv>();
  return conv && conv->post.inputs <= 1 && node.inputs.size() <= kConvInputs ? conv : nullptr;
}

/// A node with a convolution and the one behind it.
struct Pair {
  const Node &conv, &next;
  const Type& between;
};

/// The inputs of the pair's first node, `most` of them, and those of the next node from the second
/// on.
std::vector<ValueId> joined_inputs(const Pair& pair, size_t most) {
  std::vector<ValueId> inputs = pair.conv.inputs;
  inputs.resize(most, no_id);
  inputs.insert(inputs.end(), pair.next.inputs.begin() + 1, pair.next.inputs.end());
  return inputs;
}

/// What some tactic takes whose name has `way` in it.
TakesNode taken(Isa isa, std::string_view way = {}) {
  return [=](const Op& op, std::span<const Operand> inputs, std::span<const Operand> outputs) {
    PackedConstants packed;
    const Problem problem{op, inputs, outputs, 1, isa, packed};
    const auto tactics = tactics_for(op.name());
    return std::any_of(tactics.begin(), tactics.end(), [&](const Tactic& tactic) {
      return tactic.name.find(way) != std::string_view::npos && tactic.takes(problem);
    });
  };
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
  join_nodes(graph, pair.conv, pair.next, op, joined_inputs(pair, kConvInputs), taken(isa));
}

/// A pointwise convolution to the ConvDepthwise before it.
void join_projection(Graph& graph, const Node& before, const Node& next, Isa isa) {
  const auto* two = before.op.as<ops::ConvDepthwise>();
  if (two->projects || next.op.as<ops::Conv>()->group != 1) return;
  ops::ConvDepthwise three = *two;
  three.projects = true;
  three.projection = *next.op.as<ops::Conv>();
  const Pair pair{before, next, graph.value(next.inputs[0]).type};
  join_nodes(graph, before, next, three, joined_inputs(pair, kDepthwiseInputs),
             taken(isa, "projected"));
}

void join_pool(Graph& graph, const Pair& pair, Isa isa) {
  const auto* pool = pair.next.op.as<ops::Pool>();
  if (!pool || pool->kind != ops::PoolKind::maximum || pair.next.outputs.size() != 1) return;
  const Op op = ops::ConvPool{*pair.conv.op.as<ops::Conv>(), *pool};
  const std::vector<ValueId> inputs = joined_inputs(pair, pair.conv.inputs.size());
  join_nodes(graph, pair.conv, pair.next, op, inputs, taken(isa, "winograd"));
}

void fuse(Graph& graph, NodeId id, Isa isa) {
  const Node& next = graph.node(id);
  if (next.inputs.empty() || next.inputs[0] == no_id || next.outputs.empty()) return;
  const ValueId between = next.inputs[0];
  const NodeId before = graph.value(between).producer;
  if (before == no_id || !is_read_once(graph, between)) return;
  const Type type = graph.value(between).type;
  if (!is_placed(type) || !is_placed(graph.value(next.outputs[0]).type)) return;
  if (type.tensor.rank() != 4) return;
  if (graph.node(before).op.as<ops::ConvDepthwise>() && next.op.as<ops::Conv>())
    return join_projection(graph, graph.node(before), next, isa);
  if (!plain_conv(graph.node(before))) return;
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
  join_sums(graph, taken(isa));
  return graph;
}

}  // namespace drawbar::cpu

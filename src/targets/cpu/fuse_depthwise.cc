#include "targets/cpu/fuse_depthwise.h"

#include <algorithm>

#include "ops/conv_depthwise/op.h"
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

void fuse(Graph& graph, NodeId id, Isa isa) {
  const Node& node = graph.node(id);
  const ops::Conv* depthwise = plain_conv(node);
  if (!depthwise || depthwise->group == 1) return;
  const ValueId between = node.inputs[0], y = node.outputs[0];
  const NodeId before = graph.value(between).producer;
  if (before == no_id || !is_read_once(graph, between)) return;
  const Node& first = graph.node(before);
  const ops::Conv* conv = plain_conv(first);
  if (!conv) return;
  std::vector<ValueId> inputs = first.inputs;
  inputs.resize(kConvInputs, no_id);
  inputs.insert(inputs.end(), node.inputs.begin() + 1, node.inputs.end());
  for (ValueId input : inputs) {
    if (input != no_id && !is_placed(graph.value(input).type)) return;
  }
  const Type type = graph.value(y).type;
  const Type& type_between = graph.value(between).type;
  if (!is_placed(type) || !is_placed(type_between) || type_between.tensor.rank() != 4) return;
  if (!(type_between.tensor.dims[1] == Dim(depthwise->group))) return;
  // Of one image, so that a part of a batch is fused where the whole is.
  const int64_t bytes =
      storage_bytes(type_between.tensor.element, type_between.tensor.size().value()) /
      std::max<int64_t>(type_between.tensor.dims[0].value(), 1);
  if (bytes <= cache_sizes().l2 / 2) return;
  const Op op = ops::ConvDepthwise{*conv, *depthwise};
  PackedConstants packed;
  const std::vector<Operand> given = operands(graph, inputs), wanted = operands(graph, {y});
  if (!some_tactic_takes({op, given, wanted, 1, isa, packed})) return;
  const std::string name = graph.value(y).name;
  const NodeId fused = graph.add_node(op, inputs, 1, first.name + " + " + node.name, {}, node.rank);
  const ValueId result = graph.node(fused).outputs[0];
  graph.set_type(result, type);
  graph.set_value_name(result, name);
  graph.replace_value(y, result);
}

}  // namespace

Graph fuse_depthwise(Graph graph, Isa isa) {
  for (NodeId id : graph.order()) fuse(graph, id, isa);
  graph.remove_dead();
  return graph;
}

}  // namespace drawbar::cpu

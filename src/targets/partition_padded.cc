#include "targets/partition_padded.h"

#include <algorithm>
#include <limits>

#include "ops/non_max_suppression/op.h"
#include "ops/slice/op.h"

namespace drawbar {
namespace {

/// The nodes that were not padded, and why.
using Refused = std::map<NodeId, std::string>;

struct Padded {
  NodeId original, node;  // of the graph as it was, and as it is then
};

ops::NonMaxSuppressionPadded padded(const Graph& graph, const Node& node) {
  ops::NonMaxSuppressionPadded op{
      .center_point_box = node.op.as<ops::NonMaxSuppression>()->center_point_box,
      .most = std::numeric_limits<int32_t>::max()};
  const ValueId most = node.inputs.size() > 2 ? node.inputs[2] : no_id;
  if (most == no_id) {
    op.most = 0;
  } else if (const Value& value = graph.value(most); value.is_constant()) {
    const Tensor& given = value.constant->tensor();
    op.most = given.size() ? std::max<int64_t>(read_integer(given, 0), 0) : 0;
  }
  return op;
}

std::vector<Padded> pad(Graph& graph, const Target& target, Refused& refused) {
  std::vector<Padded> result;
  for (NodeId id : graph.order()) {
    const Node node = graph.node(id);
    if (!node.op.as<ops::NonMaxSuppression>() || refused.count(id) || !target.refuses(graph, id))
      continue;
    const NodeId added =
        graph.add_node(padded(graph, node), node.inputs, 2, node.name, {}, node.rank);
    const ValueId y = node.outputs[0];
    const ValueId rows = graph.node(added).outputs[0], count = graph.node(added).outputs[1];
    const Value selected = graph.value(y);
    graph.set_value_name(rows, selected.name + "#padded");
    graph.set_value_name(count, selected.name + "#count");
    if (auto reason = target.refuses(graph, added)) {
      refused.emplace(id, std::move(*reason));
      graph.remove_node(added);
      continue;
    }
    const ValueId zero = graph.add_constant(Tensor::from<int64_t>({1}, {0}));
    const NodeId cut =
        graph.add_node(ops::Slice{}, {rows, zero, count, zero}, 1, node.name, {}, node.rank);
    const ValueId y_cut = graph.node(cut).outputs[0];
    graph.set_type(y_cut, selected.type);
    graph.set_value_name(y_cut, selected.name);
    graph.replace_value(y, y_cut);
    graph.remove_node(id);  // a reader of boxes and scores no longer
    result.push_back({id, added});
  }
  return result;
}

bool is_output_of(const Partition& parts, ValueId value, const Target& target) {
  return std::any_of(parts.pieces.begin(), parts.pieces.end(), [&](const Piece& piece) {
    return piece.target == &target && std::count(piece.outputs.begin(), piece.outputs.end(), value);
  });
}

LeftToHost* find(std::vector<LeftToHost>& left, const std::string& node, std::string_view op) {
  const auto found = std::find_if(left.begin(), left.end(), [&](const LeftToHost& each) {
    return each.node == node && each.op == op;
  });
  return found == left.end() ? nullptr : &*found;
}

}  // namespace

PartitionedGraph partition_padded(const Graph& graph, const Target& target, const Target& host,
                                  int threads, bool only_where_it_pays) {
  Refused refused;
  for (;;) {
    PartitionedGraph result{graph, {}};
    const std::vector<Padded> padded = pad(result.graph, target, refused);
    result.parts = partition(result.graph, target, host, threads, only_where_it_pays);
    bool again = false;
    for (const auto& [original, node] : padded) {
      const Node& added = result.graph.node(node);
      if (is_output_of(result.parts, added.outputs[0], target)) continue;
      const LeftToHost* left = find(result.parts.left, added.name, added.op.name());
      refused.emplace(original, left ? left->reason : std::string());
      again = true;
    }
    if (again) continue;
    for (const auto& [original, reason] : refused) {
      const Node& node = graph.node(original);
      LeftToHost* left = find(result.parts.left, node.name, node.op.name());
      if (left && !reason.empty()) left->reason = reason;
    }
    return result;
  }
}

}  // namespace drawbar

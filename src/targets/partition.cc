#include "targets/partition.h"

#include <algorithm>

#include "ops/reshape/op.h"

namespace drawbar {
namespace {

/// Where the nodes of a graph run.
class Cut {
 public:
  explicit Cut(const Graph& graph) : graph_(graph), order_(graph.order()) {
    on_host_.assign(graph.node_count(), 0);
    level_.assign(graph.node_count(), 0);
  }

  const std::vector<NodeId>& order() const { return order_; }
  bool on_host(NodeId node) const { return on_host_[node] != 0; }
  void leave(NodeId node) { on_host_[node] = 1; }

  /// Nodes that may run together, a group after the other: a node's level counts the changes of
  /// target on the way to it, so that what a group reads comes from groups before it.
  std::vector<std::vector<NodeId>> groups() {
    int levels = 0;
    for (NodeId id : order_) {
      // The target's groups have even levels, the host's odd ones.
      int level = on_host(id) ? 1 : 0;
      for (ValueId input : graph_.node(id).inputs) {
        const NodeId producer = input == no_id ? no_id : graph_.value(input).producer;
        if (producer == no_id) continue;
        level = std::max(level, level_[producer] + (on_host(producer) != on_host(id) ? 1 : 0));
      }
      level_[id] = level;
      levels = std::max(levels, level + 1);
    }
    std::vector<std::vector<NodeId>> result(static_cast<size_t>(levels));
    for (NodeId id : order_) result[static_cast<size_t>(level_[id])].push_back(id);
    std::erase_if(result, [](const auto& group) { return group.empty(); });
    return result;
  }

 private:
  const Graph& graph_;
  std::vector<NodeId> order_;
  std::vector<char> on_host_;
  std::vector<int> level_;
};

/// A group of nodes as a graph of its own.
Piece piece_of(const Graph& graph, const std::vector<NodeId>& nodes, const Target& target) {
  Piece piece;
  piece.target = &target;
  piece.graph.name = graph.name;
  for (const auto& [symbol, bound] : graph.symbol_bounds())
    piece.graph.set_symbol_bound(symbol, bound);
  std::vector<ValueId> map(graph.value_count(), no_id);
  std::vector<char> inside(graph.node_count(), 0);
  for (NodeId id : nodes) inside[id] = 1;
  const auto mapped = [&](ValueId id) {
    if (id == no_id || map[id] != no_id) return id == no_id ? no_id : map[id];
    const Value& value = graph.value(id);
    if (value.is_constant()) return map[id] = piece.graph.add_constant(value.constant, value.name);
    piece.inputs.push_back(id);
    map[id] = piece.graph.add_input(value.name, value.type);
    if (value.content) piece.graph.set_content(map[id], *value.content);
    return map[id];
  };
  for (NodeId id : nodes) {
    const Node& node = graph.node(id);
    std::vector<ValueId> inputs;
    for (ValueId input : node.inputs) inputs.push_back(mapped(input));
    std::vector<std::string> names;
    for (ValueId output : node.outputs) names.push_back(graph.value(output).name);
    const NodeId copy =
        piece.graph.add_named_node(node.op, std::move(inputs), names, node.name, node.subgraphs);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      map[node.outputs[i]] = piece.graph.node(copy).outputs[i];
      piece.graph.set_type(map[node.outputs[i]], graph.value(node.outputs[i]).type);
    }
  }
  for (NodeId id : nodes) {
    for (ValueId output : graph.node(id).outputs) {
      const Value& value = graph.value(output);
      const bool leaves =
          graph.is_output(output) || std::any_of(value.uses.begin(), value.uses.end(),
                                                 [&](const Use& use) { return !inside[use.node]; });
      if (!leaves) continue;
      piece.outputs.push_back(output);
      piece.graph.add_output(map[output], value.name);
    }
  }
  return piece;
}

std::string slower(double here, double there) {
  return fmt::format("it would take {:.2g} ms there with its copies, {:.2g} ms here", there * 1e3,
                     here * 1e3);
}

}  // namespace

Partition partition(const Graph& graph, const Target& target, const Target& host, int threads,
                    bool only_where_it_pays) {
  Partition result;
  Cut cut(graph);
  const auto leave = [&](NodeId id, std::string reason) {
    cut.leave(id);
    const Node& node = graph.node(id);
    result.left.push_back({node.name, std::string(node.op.name()), std::move(reason)});
  };
  for (NodeId id : cut.order()) {
    if (const auto reason = target.refuses(graph, id)) leave(id, *reason);
  }
  // A view goes where its input is, and nothing goes to the target to be viewed alone.
  for (NodeId id : cut.order()) {
    const Node& node = graph.node(id);
    if (!ops::is_view(node.op)) continue;
    const NodeId producer = graph.value(node.inputs[0]).producer;
    if (producer != no_id && cut.on_host(producer)) cut.leave(id);
  }
  for (const std::vector<NodeId>& group : cut.groups()) {
    if (std::all_of(group.begin(), group.end(),
                    [&](NodeId id) { return ops::is_view(graph.node(id).op); }))
      for (NodeId id : group) cut.leave(id);
  }
  if (only_where_it_pays) {
    for (const std::vector<NodeId>& group : cut.groups()) {
      if (cut.on_host(group[0])) continue;
      const Piece piece = piece_of(graph, group, target);
      const double there = target.estimate(piece.graph, threads),
                   here = host.estimate(piece.graph, threads);
      if (there < here) continue;
      for (NodeId id : group) leave(id, slower(here, there));
    }
  }
  for (const std::vector<NodeId>& group : cut.groups())
    result.pieces.push_back(piece_of(graph, group, cut.on_host(group[0]) ? host : target));
  return result;
}

}  // namespace drawbar

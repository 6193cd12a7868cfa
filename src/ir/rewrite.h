#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace drawbar {

/// A proposed change of a graph: new nodes, and old values replaced by new or other ones. Built
/// against a const graph, applied by the pass driver. An empty patch means "unchanged".
class Patch {
 public:
  Patch() = default;
  /// New nodes stand where `anchor` stands in the order.
  Patch(const Graph& graph, NodeId anchor) : graph_(&graph), anchor_(anchor) {}

  ValueId constant(Tensor tensor, std::string name = {});
  ValueId constant(ConstantPtr constant, std::string name = {});
  /// Adds a node with inferred types; ids of new values continue the graph's.
  ValueId add(Op op, std::vector<ValueId> inputs, std::string name = {});
  std::vector<ValueId> add_all(Op op, std::vector<ValueId> inputs, size_t outputs,
                               std::string name = {}, std::vector<GraphPtr> subgraphs = {});
  void replace(ValueId from, ValueId to) { replacements_.emplace_back(from, to); }
  /// Names a new value.
  void name(ValueId added, std::string name);

  /// Of an old or a new value.
  const Value& value(ValueId id) const;
  const Type& type(ValueId id) const { return value(id).type; }

  explicit operator bool() const { return !replacements_.empty(); }
  /// Applies the patch; new values without a name take over that of those they replace.
  void apply(Graph& graph) &&;

 private:
  const Graph* graph_ = nullptr;
  NodeId anchor_ = no_id;
  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<std::pair<std::string, Dim>> bounds_;
  std::vector<std::pair<ValueId, ValueId>> replacements_;
};

}  // namespace drawbar

#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/graph.h"

namespace drawbar::onnx {

/// A graph being built, and the names its values have so far.
struct GraphBuilder {
  Graph graph;
  std::unordered_set<std::string> names;

  /// `wanted`, or where that is taken `wanted#2`, …; reserves it.
  std::string unique(const std::string& wanted);
};

/// The names a part of the file may read: those of a graph, a subgraph or a function's body, and
/// the values they stand for. A subgraph's scope looks into the scope around it and makes what it
/// finds there an input of its own graph; a function's body shares its caller's graph and sees only
/// its own names.
class Scope {
 public:
  /// Of the model's graph.
  explicit Scope(GraphBuilder& builder) : builder_(builder) {}
  /// Of a function's body.
  Scope(GraphBuilder& builder, std::string prefix)
      : builder_(builder), prefix_(std::move(prefix)) {}
  /// Of a subgraph.
  Scope(GraphBuilder& builder, std::string prefix, Scope& outer)
      : builder_(builder), prefix_(std::move(prefix)), outer_(&outer) {}

  GraphBuilder& builder() { return builder_; }
  Graph& graph() { return builder_.graph; }
  const std::string& prefix() const { return prefix_; }
  /// What a name of the file is called in the graph.
  std::string graph_name(const std::string& name) { return builder_.unique(prefix_ + name); }

  /// The value of a name (no_id: an input the function's caller left out), or nothing.
  std::optional<ValueId> find(const std::string& name);
  /// Throws INVALID_MODEL when the name is taken.
  void define(const std::string& name, ValueId value);
  bool defines(const std::string& name) const { return values_.contains(name); }

  /// Values of the enclosing graph, in the order of the inputs that stand for them here.
  const std::vector<ValueId>& captures() const { return captures_; }

 private:
  ValueId capture(ValueId outer);

  GraphBuilder& builder_;
  std::string prefix_;
  Scope* outer_ = nullptr;
  std::unordered_map<std::string, ValueId> values_;
  std::unordered_map<ValueId, ValueId> captured_;  // outer value → own value
  std::vector<ValueId> captures_;
};

}  // namespace drawbar::onnx

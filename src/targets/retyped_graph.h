#pragma once

#include <vector>

#include "ir/graph.h"

namespace drawbar {

/// A graph being copied, many of whose values exist in another element type (f32 for a half, or the
/// other way round): casts are made where a reader wants the type that is not there. What derives
/// from it copies the nodes.
class RetypedGraph {
 protected:
  /// `mark` ends the names of values that are cast back to their own type.
  RetypedGraph(const Graph& from, std::string mark);

  /// The inputs, then each node by place(), then the outputs in their own types.
  Graph copy();
  virtual void place(NodeId id) = 0;
  ~RetypedGraph() = default;

  ValueId cast(ValueId value, ElementType element, const std::string& name);
  /// The value in its own type.
  ValueId original(ValueId id);

  const Graph& from_;
  Graph to_;
  std::vector<ValueId> as_is_, other_;  // by value of from_: in its type, and in the other one

 private:
  std::string mark_;
};

}  // namespace drawbar

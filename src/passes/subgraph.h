#pragma once

#include <map>
#include <set>
#include <vector>

#include "ir/graph.h"

namespace drawbar {

/// How a subgraph's inputs and outputs change; inputs by their place.
struct Interface {
  std::map<size_t, ConstantPtr> constants;  // inputs that become these
  std::set<size_t> dropped;                 // inputs that nothing reads
  std::vector<size_t> outputs;              // which old outputs, in order; empty: all as they are
};

/// A copy of the graph with another interface, its types inferred anew.
Graph with_interface(const Graph& graph, const Interface& interface);

}  // namespace drawbar

#pragma once

#include <string>
#include <vector>

#include "targets/target.h"

namespace drawbar {

/// Nodes of a graph that one target runs together, as a graph of their own.
struct Piece {
  const Target* target = nullptr;
  Graph graph;                   // its inputs and outputs in the order of the lists below
  std::vector<ValueId> inputs;   // of the whole graph: what the piece reads
  std::vector<ValueId> outputs;  // and what others, or the whole graph's outputs, read of it
};

struct Partition {
  std::vector<Piece> pieces;  // in an order in which they can run
  std::vector<LeftToHost> left;
};

/// Cuts a graph of concrete shapes into pieces for `target` and, for the nodes it refuses, for
/// `host`. Pieces are as large as the order of data allows. With `only_where_it_pays` a piece whose
/// estimate, copies at its borders included, is above the host's goes to the host too.
Partition partition(const Graph& graph, const Target& target, const Target& host, int threads,
                    bool only_where_it_pays);

}  // namespace drawbar

#pragma once

#include "ir/graph.h"

namespace drawbar::cpu {

/// The beginning of a graph that may run on a part of the batch at a time: nodes of the graph for
/// the whole batch and, beside each, its twin in the graph for `rows` of it. In execution order, so
/// that the first n of them are closed: they read nothing else but inputs and constants.
struct RowsRegion {
  int64_t rows = 1;
  std::vector<std::pair<NodeId, NodeId>> nodes;
};

/// Both graphs are one graph specialised for `batch` and for `rows` of it, with layouts. A node
/// belongs to the region when its twin differs in nothing but the batch and both keep rows apart
/// (Op::keeps_rows).
RowsRegion find_rows_region(const Graph& whole, const Graph& part, int64_t batch, int64_t rows);

/// `whole` with the first `count` nodes of the region put into one MapRows.
Graph map_rows(const Graph& whole, const Graph& part, const RowsRegion& region, size_t count);

}  // namespace drawbar::cpu

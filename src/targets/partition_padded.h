#pragma once

#include "targets/partition.h"

namespace drawbar {

struct PartitionedGraph {
  Graph graph;
  Partition parts;
};

/// `partition`, where the target also gets selections whose size depends on data
/// (NonMaxSuppression): a node that it refuses as it is but takes padded to the largest size
/// becomes that, and the host cuts its result to the size. Nodes that would not run on the target
/// then either stay as they are.
PartitionedGraph partition_padded(const Graph& graph, const Target& target, const Target& host,
                                  int threads, bool only_where_it_pays);

}  // namespace drawbar

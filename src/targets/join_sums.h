#pragma once

#include "targets/join_nodes.h"

namespace drawbar {

/// Joins a sum of bytes to a quantised convolution that it alone reads, to the later one of two:
///
///     %m = QLinearConv(%x, …)
///     %y = QLinearAdd(%m, …, %b, …)    →    %y = QLinearConvAdd(%x, …, %b, …)
///
/// Memory orders are assigned already (assign_layouts).
void join_sums(Graph& graph, const TakesNode& takes);

}  // namespace drawbar

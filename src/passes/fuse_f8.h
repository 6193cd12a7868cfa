#pragma once

#include "ir/rewrite.h"

namespace drawbar {

/// MatMul(Dequantise(x), Dequantise(w)) of f8e4m3fn, w constant, becomes a MatMul of the numbers as
/// they are, w transposed to [N, K]: the scales are behind the sums, in alpha, those of single
/// columns as a factor. x has one scale, w one or one for each column; zero points are 0. The node
/// may read halves, which are then rounded once.
Patch fuse_f8(const Graph& graph, NodeId id);

}  // namespace drawbar

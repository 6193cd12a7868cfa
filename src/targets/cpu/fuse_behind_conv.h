#pragma once

#include "ir/graph.h"
#include "targets/cpu/isa.h"

namespace drawbar::cpu {

/// Joins to a convolution the operator that alone reads its result:
///
///     %m = Conv(%x, %w)
///     %y = Conv(%m, %v) {group = M}    →    %y = ConvDepthwise(%x, %w, _, %v)
///     %z = Conv(%y, %u)                →    %z = ConvDepthwise(%x, %w, _, %v, _, %u) {projects}
///     %y = MaxPool(%m)                 →    %y = ConvPool(%x, %w)
///     %m = QLinearConv(%x, …)
///     %y = QLinearAdd(%m, …, %b, …)    →    %y = QLinearConvAdd(%x, …, %b, …)
///
/// a depthwise convolution where an image of %m is too large for a core's cache, and the pointwise
/// one behind that, a pooling whose
/// windows fit into Winograd's tiles, a sum where a kernel of bytes can add. Memory orders are
/// assigned already (assign_layouts).
Graph fuse_behind_conv(Graph graph, Isa isa);

}  // namespace drawbar::cpu

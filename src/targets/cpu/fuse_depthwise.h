#pragma once

#include "ir/graph.h"
#include "targets/cpu/isa.h"

namespace drawbar::cpu {

/// Joins depthwise convolutions to the convolution before them where nobody else reads its result
/// and an image of that is too large for a core's cache:
///
///     %m = Conv(%x, %w)
///     %y = Conv(%m, %v) {group = M}    →    %y = ConvDepthwise(%x, %w, _, %v)
///
/// Memory orders are assigned already (assign_layouts).
Graph fuse_depthwise(Graph graph, Isa isa);

}  // namespace drawbar::cpu

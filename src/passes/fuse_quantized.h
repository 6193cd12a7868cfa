#pragma once

#include "ir/rewrite.h"

namespace drawbar {

/// Quantise(activate(Conv(Dequantise(x), Dequantise(w)))) as QLinearConv, where scales are
/// constants, those of x and y being one number, and the activation does no more than bytes do
/// anyway (Relu where the zero point is the lowest number). A bias of f32 becomes i32 by the scale
/// of the sums.
Patch fuse_quantized(const Graph& graph, NodeId id);

}  // namespace drawbar

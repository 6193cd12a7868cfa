#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Gives the padding of a Pad to the convolution or pooling behind it:
///
///     %p = Pad(%x, const [0, 0, 1, 1, 0, 0, 1, 1])
///     %y = Conv(%p, %w)                               →     %y = Conv(%x, %w) {pads_begin = [1,
///     1], …}
///
/// Only constant, positive padding of spatial dimensions: with 0 for Conv and AveragePool, which
/// then counts it; for MaxPool with minus infinity, or with 0 behind a Relu, where no window lies
/// in the padding alone.
Patch fold_padding(const Graph& graph, NodeId node);

}  // namespace drawbar

#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Folds a batch normalisation into the convolution or matrix product before it:
///
///     %y = Conv(%x, %w, %b)                      %z = Conv(%x, %w·s, (%b - mean)·s + beta)
///     %z = BatchNorm(%y, scale, beta, …)    →    (s = scale / sqrt(var + epsilon), per channel)
///
/// Where %y has another reader or no such operator computes it, multiplies and adds per channel
/// instead, which later passes fuse:
///
///     %z = BatchNorm(%y, scale, beta, …)    →    %z = Add(Mul(%y, s), beta - mean·s)
///
/// Only where the statistics are constants.
Patch fold_batch_norm(const Graph& graph, NodeId node);

}  // namespace drawbar

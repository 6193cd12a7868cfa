#pragma once

#include "ir/rewrite.h"

namespace drawbar {

/// Constant weights of 2, 4 or 8 bits that are dequantised for f32 arithmetic stay as they are:
///
///     %f = DequantizeLinear(%w, %s, %z)      →     %y = MatMulNBits(%x, %q, %t, %u, %b)
///     %y = MatMul(%x, %f, %b)
///
///     %f = DequantizeLinear(%w, %s, %z)      →     %r = Gather(%w, %i)
///     %y = Gather(%f, %i)                          %y = DequantizeLinear(%r, %s', %z')
///
/// Products: weights [K, N], or [N, K] transposed, with a scale for all of them, for each column or
/// for blocks along K; what is added by column becomes the bias. Rows that are gathered: bytes,
/// with a scale for all, for each column, for each row or for blocks of a row. Only weights of
/// 1,024 numbers and more, and products whose x is not itself dequantised (fuse_quantized joins
/// those). To run before constants are folded.
Patch keep_small_weights(const Graph& graph, NodeId id);

}  // namespace drawbar

#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Finds scaled dot-product attention and makes one operator of it, which keeps the scores in
/// cache:
///
///     %s = MatMul(%q, %k) {transpose_b = true, alpha = 0.125}
///     %m = Add(%s, %mask)                                   →   %y = Attention(%q, %k, %v, %mask)
///     %p = Softmax(%m)                                              {scale = 0.125}
///     %y = MatMul(%p, %v)
///
/// for f32 operands [batch, heads, rows, size] or [heads, rows, size], with a mask that is added, a
/// constant one that chooses (Where, each row keeping something), or none. Only where nothing else
/// reads the scores.
Patch recognise_attention(const Graph& graph, NodeId node);

/// Absorbs transposes of attention's operands and result that exchange heads and rows:
///
///     %t = Transpose(%q) {permutation = [0, 2, 1, 3]}
///     %y = Attention(%t, %k, %v)                          →   %z = Attention(%q, %k, %v)
///     %z = Transpose(%y) {permutation = [0, 2, 1, 3]}             {q_heads_last = true,
///     y_heads_last = true}
///
/// A permutation that also moves the batch leaves a transpose of the larger blocks.
Patch absorb_attention_transposes(const Graph& graph, NodeId node);

}  // namespace drawbar

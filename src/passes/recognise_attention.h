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
/// constant one that chooses (Where, each row keeping something), or none. Transposes that put the
/// heads in front of the rows are absorbed. Only where nothing else reads the scores.
Patch recognise_attention(const Graph& graph, NodeId node);

/// Absorbs the transpose behind an attention that puts the heads behind the rows:
///
///     %y = Attention(%q, %k, %v)
///     %z = Transpose(%y) {permutation = [0, 2, 1, 3]}   →   %z = Attention(…) {y_heads_last =
///     true}
Patch absorb_attention_transpose(const Graph& graph, NodeId node);

}  // namespace drawbar

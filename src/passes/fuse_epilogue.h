#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Fuses pointwise operators behind a convolution or matrix product into its `post` program, with
/// the values they read besides (a residual) as further inputs:
///
///     %y = Conv(%x, %w, %b)
///     %s = Add(%y, %r)          →     %z = Conv(%x, %w, %b, %r) {post = "x2 = Add(x0, x1); …"}
///     %z = Relu(%s)
///
/// Only f32, where nothing else reads %y and the result has its shape. Of two operators that an Add
/// joins, the one that runs later takes it, so that the residual is there.
Patch fuse_epilogue(const Graph& graph, NodeId node);

}  // namespace drawbar

#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Makes one node of pointwise f32 nodes that only feed each other, so that one pass over memory
/// does for all:
///
///     %a = Sub(%x, %m)
///     %b = Mul(%a, %s)          →     %y = Pointwise(%x, %m, %s) {program = "…"}
///     %y = Relu(%b)
///
/// A producer joins its reader when nothing else reads it and both have one shape (operands may
/// broadcast), up to 8 inputs and 32 instructions.
Patch fuse_pointwise(const Graph& graph, NodeId node);

}  // namespace drawbar

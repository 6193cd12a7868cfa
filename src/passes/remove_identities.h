#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Removes what changes nothing: identities, casts to the type there is, views to the shape there
/// is, transposes that move nothing, expansion to the same shape, slices of everything, padding by
/// nothing, concatenation of one, x + 0, x - 0, x · 1, x / 1, x ^ 1, an unbounded clip, and a Relu
/// of a Relu.
///
///     %y = Mul(%x, 1); %z = Relu(%y)     →     %z = Relu(%x)
Patch remove_identities(const Graph& graph, NodeId node);

}  // namespace drawbar

#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Finds the channels of a concatenation being shuffled, and takes slices of the result from its
/// parts:
///
///     %c = Concat(%a, %b) {axis = 1}; %r = Reshape(%c, [0, 2, C, H, W])
///     %t = Transpose(%r) {permutation = [0, 2, 1, 3, 4]}
///     %y = Reshape(%t, [0, 2·C, H, W])              →     %y = Interleave(%a, %b) {count = C}
///
///     %s = Slice(%y, [C], [2·C], [1])               →     %s = Interleave(%a, %b)
///                                                              {first = C/2, count = C/2}
Patch recognise_interleave(const Graph& graph, NodeId node);

}  // namespace drawbar

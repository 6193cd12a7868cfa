#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Puts the branch that an If with a known condition takes in its place:
///
///     %c = const bool[] [1]
///     %y = If(%c, %x) graph then(%a) { … } graph else() { … }     →     what `then` does with %x
Patch inline_branches(const Graph& graph, NodeId node);

/// Moves constants that a branch or loop body reads into it, where they can be folded and packed:
///
///     %w = const …
///     %y = Loop(%n, _, %x, %w) graph body(%i, %c, %x, %w) { … }
///                                  →     %y = Loop(%n, _, %x) graph body(%i, %c, %x) { %w = const
///                                  … }
///
/// Of loops only what they do not carry.
void sink_constants(Graph& graph, const PassOptions& options);

}  // namespace drawbar

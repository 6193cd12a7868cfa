#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Makes constants of the small integer tensors whose contents inference knows: what Shape, Gather
/// and arithmetic on sizes compute from static shapes. First it infers all types again, so that
/// what earlier passes found out reaches every node.
///
///     %s = Shape(%x)             (x is f32[1, 3, 8, 8])
///     %n = Gather(%s, 1)                 →            %r = Reshape(%x, const [3, 64])
///     %r = Reshape(%x, Concat(%n, [64]))
void fold_shapes(Graph& graph, const PassOptions& options);

}  // namespace drawbar

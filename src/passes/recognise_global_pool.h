#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Calls the mean over all spatial dimensions what it is, so that kernels of pooling and its memory
/// order serve it:
///
///     %y = ReduceMean(%x) {axes = [2, 3]}     →     %y = GlobalAveragePool(%x)
///
/// with a Flatten behind it when the reduced dimensions do not stay.
Patch recognise_global_pool(const Graph& graph, NodeId node);

}  // namespace drawbar

#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Finds softmax written out, with or without the subtraction of the largest element:
///
///     %m = ReduceMax(%x) {axes = [-1]}; %e = Exp(Sub(%x, %m))
///     %s = ReduceSum(%e) {axes = [-1]}; %y = Div(%e, %s)          →     %y = Softmax(%x)
///
/// over one axis, which keeps its dimension.
Patch recognise_softmax(const Graph& graph, NodeId node);

}  // namespace drawbar

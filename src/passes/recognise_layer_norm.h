#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Finds layer normalisation written out, and its root-mean-square form:
///
///     %m = ReduceMean(%x) {axes = [-1]}; %d = Sub(%x, %m)
///     %v = ReduceMean(Mul(%d, %d)) {axes = [-1]}
///     %s = Sqrt(Add(%v, 1e-5)); %y = Div(%d, %s)             →    %y = LayerNormalization(%x)
///
///     %v = ReduceMean(Pow(%x, 2)) {axes = [-1]}
///     %y = Mul(%x, Reciprocal(Sqrt(Add(%v, 1e-6))))          →    %y = RMSNormalization(%x)
///
/// over the last axes, which keep their dimensions. The squares may be Pow or Mul, the root Sqrt or
/// Pow, the quotient Div or Mul by the reciprocal.
Patch recognise_layer_norm(const Graph& graph, NodeId node);

/// Takes a constant factor and then a constant term into a layer normalisation that has none:
///
///     %y = LayerNormalization(%x)
///     %z = Mul(%y, const [768])        →     %t = LayerNormalization(%x, const [768], const [768])
///     %t = Add(%z, const [768])
///
/// Only where nothing else reads %y.
Patch fold_layer_norm_affine(const Graph& graph, NodeId node);

}  // namespace drawbar

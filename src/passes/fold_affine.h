#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Folds multiplying by and adding constants per output channel into the weights and the bias
/// before:
///
///     %y = Conv(%x, %w, %b)
///     %z = Mul(%y, const [64, 1, 1])     →     %z = Conv(%x, %w·s, %b·s)
///
/// A MatMul takes a scalar factor as its alpha, and a vector that is added, constant or not, as its
/// bias. Only where %y has no other reader.
Patch fold_affine(const Graph& graph, NodeId node);

/// Folds a constant factor of the data into the weights behind:
///
///     %s = Mul(%x, 0.0039); %y = Conv(%s, %w)        →     %y = Conv(%x, %w · 0.0039)
///     %s = Div(%q, 8); %y = MatMul(%s, %k)           →     %y = MatMul(%q, %k) {alpha = 0.125}
///
/// For convolutions one number or one per input channel, and constant weights; for products one
/// number, which may stand before transposes and views.
Patch fold_input_scale(const Graph& graph, NodeId node);

}  // namespace drawbar

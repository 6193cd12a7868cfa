#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Convolutions of bytes along one axis become those of images one line high, for which there are
/// kernels:
///
///     %y = QLinearConv(%x, …, %w[m, c, k], …)
///     →  %i = Unsqueeze(%x) {axes = [2]}; %j = QLinearConv(%i, …, %w[m, c, 1, k], …);
///        %y = Squeeze(%j) {axes = [2]}
///
/// of QLinearConv and ConvInteger with constant weights, and of QLinearAdd where a term comes from
/// such. Views take no time, and between two of these there are none.
Patch lines_to_images(const Graph& graph, NodeId node);

}  // namespace drawbar

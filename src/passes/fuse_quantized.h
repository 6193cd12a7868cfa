#pragma once

#include "ir/rewrite.h"

namespace drawbar {

/// Quantise(activate(f(Dequantise(x), Dequantise(w)))) in one operator on integers: QLinearConv
/// where f is a convolution with constant weights, QLinearMatMul of such a product, QLinearAdd of a
/// sum. Scales are constants, those of activations one number, and the activation does no more than
/// bytes do anyway (Relu where the zero point is the lowest number, Clip where its bounds are the
/// outermost steps or lie beyond). A bias of f32 becomes i32 by the scale of the sums. What is not
/// quantised behind f becomes a QLinearConv or QLinearMatMul that gives f32.
///
/// Averages of images, by windows or whole, read bytes, and give them where they are quantised:
/// QLinearAveragePool of x alone, in f32, or of y's scale and zero point too, whatever views and
/// transposes lie between.
///
/// Quantise(Concat(Dequantise(a), b)) becomes Concat of each part quantised, shuffled ones
/// (Interleave) alike, and bytes that are dequantised and quantised again as they were stay.
///
/// The bytes are called as what was quantised, which is gone: a layer keeps its result's name.
Patch fuse_quantized(const Graph& graph, NodeId id);

}  // namespace drawbar

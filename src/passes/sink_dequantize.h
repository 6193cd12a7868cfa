#pragma once

#include "ir/rewrite.h"

namespace drawbar {

/// Whether each result is some of the first input's numbers, or the value of a Pad.
bool keeps_numbers(const Op& op);

/// move(Dequantise(x)) → Dequantise(move(x)), of one scale and zero point, where the node only
/// moves numbers (views, Transpose, Slice, Split, Pad with 0) or takes maxima (MaxPool): it moves
/// bytes, called as what they were in f32, and what quantises its result again as before falls away
/// (fuse_quantized).
Patch sink_dequantize(const Graph& graph, NodeId id);

}  // namespace drawbar

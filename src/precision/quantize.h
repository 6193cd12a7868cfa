#pragma once

#include <vector>

#include "precision/calibrate.h"

namespace drawbar {

/// The activations of a prepared graph (`prepare` in passes/pipeline.h) that become bytes: what
/// convolutions (whole or depthwise) and products with constant weights read and give, sums,
/// maximum pooling and concatenation between them. What a graph output is computed by last stays
/// f32.
std::vector<ValueId> quantized_values(const Graph& graph);

/// The same graph with these values quantised to u8 (asymmetric, 0 is exact) and dequantised again,
/// and the weights that meet them as i8 with a scale for each output channel (symmetric).
/// `fuse_quantized` makes integer kernels of it. Throws INVALID_ARGUMENT naming a value without a
/// range.
Graph quantize(Graph graph, const Calibration& calibration);

}  // namespace drawbar

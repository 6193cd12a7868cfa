#pragma once

#include <string>
#include <vector>

#include "precision/calibrate.h"

namespace drawbar {

/// What of a prepared graph (`prepare` in passes/pipeline.h) can run on bytes, by the calibration
/// names of the nodes' results: convolutions (whole or depthwise) and products with constant
/// weights, and sums of bytes that such a layer reads.
std::vector<std::pair<NodeId, std::string>> quantized_layers(const Graph& graph);

/// The activations that become bytes: what these layers read, and what they, concatenations,
/// maximum pooling and average pooling that one node reads give to them or to global averages.
std::vector<ValueId> quantized_values(const Graph& graph);

/// The same graph with these values quantised to u8 (asymmetric, 0 is exact) and dequantised again,
/// and the weights that meet them as i8 with a scale for each output channel (symmetric).
/// `fuse_quantized` makes integer kernels of it. Layers that the calibration keeps in f32 stay as
/// they are; a sum kept in f32 gets the results of its layers unrounded. Throws INVALID_ARGUMENT
/// naming a value without a range, or a kept name that is no layer's.
Graph quantize(Graph graph, const Calibration& calibration);

}  // namespace drawbar

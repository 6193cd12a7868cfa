#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace drawbar::cli {

/// Tensors for all graph inputs: from "NAME=FILE.npy" options, or drawn (seeded, floats from [0,
/// 1), integers 0 or 1) in the given shapes where `draw` allows it. Throws INVALID_ARGUMENT naming
/// the input that is missing or unknown.
std::vector<Tensor> read_inputs(const Graph& graph, const std::vector<std::string>& files);
std::vector<Tensor> draw_inputs(const Graph& graph, const std::vector<Shape>& shapes,
                                uint64_t seed = 1);

/// A file name for a value's name: what a file name cannot hold is percent-encoded, so nothing is
/// written outside the folder.
std::string file_name(const std::string& value_name);

}  // namespace drawbar::cli

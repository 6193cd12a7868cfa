#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Makes one Reshape of two views in a row, and of a transpose that only moves dimensions of 1:
///
///     %a = Squeeze(%x); %y = Unsqueeze(%a)      →     %y = Reshape(%x, const)
///     %y = Transpose(%x)  (x is f32[N, 64, 1])  →     %y = Reshape(%x, const [-1, 1, 64])
///
/// Where the result's shape has at most one dimension that is no number, or the second view says
/// all of it.
Patch merge_views(const Graph& graph, NodeId node);

/// The contents of a Reshape's shape input that gives `dims`, when numbers can say it.
std::optional<std::vector<int64_t>> shape_in_numbers(const Dims& dims);

}  // namespace drawbar

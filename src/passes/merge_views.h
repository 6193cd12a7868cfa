#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Makes one Reshape of two views in a row, and of a transpose that only moves dimensions of 1:
///
///     %a = Squeeze(%x); %y = Unsqueeze(%a)      →     %y = Reshape(%x, const)
///     %y = Transpose(%x)  (x is f32[N, 64, 1])  →     %y = Reshape(%x, const [-1, 1, 64])
///
/// Where numbers can say the result's shape (at most one dimension is a symbol that was not at that
/// place before), or the second view says all of it.
Patch merge_views(const Graph& graph, NodeId node);

/// Lets a view that splits dimensions, or joins neighbours, stand before a transpose instead of
/// behind it, so that both meet others:
///
///     %t = Transpose(%x) {permutation = [1, 0, 2]}       (x is f32[197, 24, 64])
///     %y = Reshape(%t, const [2, 12, 197, 64])
///                                   →     %r = Reshape(%x, const [197, 2, 12, 64])
///                                         %y = Transpose(%r) {permutation = [1, 2, 0, 3]}
///
/// and puts dimensions of 1 that a transpose moves where they go, by a Reshape before it. Only
/// where nothing else reads %t.
Patch lift_views(const Graph& graph, NodeId node);

/// Says the shape of a Reshape in numbers, so that what computed it is not needed:
///
///     %s = Concat(Gather(Shape(%x), 0), const [12, 64])        (x is f32[N, 768])
///     %y = Reshape(%x, %s)                                →    %y = Reshape(%x, const [0, 12, 64])
Patch number_shapes(const Graph& graph, NodeId node);

/// The contents of a Reshape's shape input that makes `dims` of `data`, when numbers can say it: 0
/// for a symbol that stays at its place, -1 for one other.
std::optional<std::vector<int64_t>> shape_in_numbers(const Dims& data, const Dims& dims);

}  // namespace drawbar

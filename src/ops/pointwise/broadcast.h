#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ops/movement/strided_copy.h"

namespace drawbar::ops {

/// How operands that broadcast to one output are walked: the output's axes from its outermost to
/// its innermost in memory, neighbours joined where every operand allows it, axes of size 1 left
/// out. There is always at least one axis. Strides count elements; where an operand repeats it is
/// 0.
struct BroadcastPlan {
  Shape sizes;
  std::vector<Shape> strides;  // per operand, per axis; the output is the last operand

  int64_t inner() const { return sizes.back(); }
  int64_t lines() const;  // how many runs along the innermost axis
  /// Offsets of every operand at the beginning of line `line`.
  void offsets(int64_t line, std::span<int64_t> result) const;
};

/// `shapes` broadcast to `output` (they must); strides are those along each shape's own axes.
BroadcastPlan plan_broadcast(std::span<const Shape> shapes, std::span<const Shape> strides,
                             const Shape& output, const Shape& output_strides);
/// All row-major.
BroadcastPlan plan_broadcast(std::span<const Shape> shapes, const Shape& output);

/// Numpy's broadcast of concrete shapes; throws INVALID_ARGUMENT when they do not fit.
Shape broadcast_shape(std::span<const Shape> shapes);

/// Calls body(offsets, count) for every line: operand i's element k stands at
/// offsets[i] + k * plan.strides[i].back().
template <class F>
void for_each_line(const BroadcastPlan& plan, F&& body) {
  std::vector<int64_t> offsets(plan.strides.size(), 0), index(plan.sizes.size(), 0);
  const int64_t lines = plan.lines();
  for (int64_t line = 0; line < lines; ++line) {
    body(std::span<const int64_t>(offsets), plan.inner());
    for (size_t axis = plan.sizes.size() - 1; axis-- > 0;) {
      const bool wraps = ++index[axis] == plan.sizes[axis];
      for (size_t i = 0; i < offsets.size(); ++i) {
        offsets[i] +=
            wraps ? -plan.strides[i][axis] * (plan.sizes[axis] - 1) : plan.strides[i][axis];
      }
      if (!wraps) break;
      index[axis] = 0;
    }
  }
}

}  // namespace drawbar::ops

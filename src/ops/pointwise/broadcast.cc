#include "ops/pointwise/broadcast.h"

#include <algorithm>
#include <numeric>

namespace drawbar::ops {

int64_t BroadcastPlan::lines() const {
  int64_t count = inner() > 0 ? 1 : 0;
  for (size_t axis = 0; axis + 1 < sizes.size(); ++axis) count *= sizes[axis];
  return count;
}

void BroadcastPlan::offsets(int64_t line, std::span<int64_t> result) const {
  std::fill(result.begin(), result.end(), 0);
  for (size_t axis = sizes.size() - 1; axis-- > 0;) {
    const int64_t index = line % sizes[axis];
    line /= sizes[axis];
    for (size_t i = 0; i < result.size(); ++i) result[i] += index * strides[i][axis];
  }
}

Shape broadcast_shape(std::span<const Shape> shapes) {
  Shape result;
  for (const Shape& shape : shapes) {
    if (shape.size() > result.size())
      result.insert(result.begin(), shape.size() - result.size(), 1);
    const size_t first = result.size() - shape.size();
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      int64_t& out = result[first + axis];
      if (out != shape[axis] && out != 1 && shape[axis] != 1) {
        fail(ErrorCode::invalid_argument, "shapes do not broadcast: {} against {}", out,
             shape[axis]);
      }
      if (out == 1) out = shape[axis];
    }
  }
  return result;
}

BroadcastPlan plan_broadcast(std::span<const Shape> shapes, std::span<const Shape> strides,
                             const Shape& output, const Shape& output_strides) {
  std::vector<size_t> order;
  for (size_t axis = 0; axis < output.size(); ++axis) {
    if (output[axis] != 1) order.push_back(axis);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return output_strides[a] > output_strides[b]; });
  const auto stride_of = [&](size_t operand, size_t axis) -> int64_t {
    if (operand == shapes.size()) return output_strides[axis];
    const Shape& shape = shapes[operand];
    const size_t missing = output.size() - shape.size();
    if (axis < missing || shape[axis - missing] == 1) return 0;
    return strides[operand][axis - missing];
  };
  BroadcastPlan plan;
  plan.strides.resize(shapes.size() + 1);
  for (size_t axis : order) {
    bool joins = !plan.sizes.empty();
    for (size_t i = 0; joins && i <= shapes.size(); ++i) {
      joins = plan.strides[i].back() == stride_of(i, axis) * output[axis];
    }
    if (joins) {
      plan.sizes.back() *= output[axis];
    } else {
      plan.sizes.push_back(output[axis]);
    }
    for (size_t i = 0; i <= shapes.size(); ++i) {
      if (joins) {
        plan.strides[i].back() = stride_of(i, axis);
      } else {
        plan.strides[i].push_back(stride_of(i, axis));
      }
    }
  }
  if (plan.sizes.empty()) {
    plan.sizes.push_back(1);
    for (Shape& s : plan.strides) s.push_back(0);
    plan.strides.back().back() = 1;
  }
  return plan;
}

BroadcastPlan plan_broadcast(std::span<const Shape> shapes, const Shape& output) {
  std::vector<Shape> strides;
  for (const Shape& shape : shapes) strides.push_back(row_major_strides(shape));
  return plan_broadcast(shapes, strides, output, row_major_strides(output));
}

}  // namespace drawbar::ops

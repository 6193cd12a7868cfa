#pragma once

#include "ir/op.h"
#include "ops/movement/strided_copy.h"

namespace drawbar::ops {

/// x, starts [n], ends [n], axes [n] (optional: the first n), steps [n] (optional: 1), all i32 or
/// i64 → every steps[i]-th element of x along axes[i] from starts[i] to ends[i] (exclusive).
/// Negative positions count from the back and all are clamped; a negative step walks backwards. Any
/// element type. Source: ONNX Slice-13.
struct Slice {
  static constexpr std::string_view name = "Slice";
  void fields(auto&&) {}
};

/// What a slice takes along one dimension: `size` elements from `start` on, `step` apart.
struct SliceRange {
  int64_t start, size, step;
};

/// One range per dimension of x. Empty `axes` and `steps` are absent. Throws INVALID_MODEL.
std::vector<SliceRange> slice_ranges(const Shape& x, const std::vector<int64_t>& starts,
                                     const std::vector<int64_t>& ends,
                                     const std::vector<int64_t>& axes,
                                     const std::vector<int64_t>& steps);

StridedCopy slice_copy(const std::vector<SliceRange>& ranges, const Shape& x_strides,
                       const Shape& y_strides);

void infer(const Slice&, Infer&);
void reference(const Slice&, Evaluation&);
Dim operations(const Slice&, const Infer&);
bool keeps_rows(const Slice&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

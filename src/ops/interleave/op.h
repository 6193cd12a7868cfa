#pragma once

#include "ir/op.h"
#include "ops/movement/strided_copy.h"

namespace drawbar::ops {

/// x0, x1, … [N, C, d1…] of one type and shape → y [N, inputs · count, d1…], their channels in
/// turns: channel inputs · j + i of y is channel first + j of input i. Any element type. What a
/// shuffled concatenation is, or a slice of it; no format has it, passes make it.
struct Interleave {
  static constexpr std::string_view name = "Interleave";
  int64_t first = 0, count = 0;
  void fields(auto&& field) {
    field("first", first);
    field("count", count);
  }
};

/// The copy of input i of `inputs`, of shape x, to y.
StridedCopy interleave_copy(const Interleave& op, int64_t inputs, int64_t i, const Shape& x,
                            const Shape& x_strides, const Shape& y_strides);

void infer(const Interleave&, Infer&);
void reference(const Interleave&, Evaluation&);
Dim operations(const Interleave&, const Infer&);
bool keeps_rows(const Interleave&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

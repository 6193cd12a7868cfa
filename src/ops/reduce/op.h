#pragma once

#include <string>
#include <vector>

#include "ir/op.h"

namespace drawbar::ops {

enum class Reduction : uint8_t {
  sum,
  mean,
  max,
  min,
  prod,
  l1,           // sum of |x|
  l2,           // square root of the sum of x²
  log_sum,      // log of the sum
  log_sum_exp,  // log of the sum of exp(x), without overflow
  sum_square,   // sum of x²
};

/// The family ReduceSum … ReduceSumSquare: folds x along some axes.
/// x [any shape], axes i64[k] (optional, when they are only known while running) → y: x's shape
/// with the reduced dimensions 1, or without them when `keep_dims` is false. Without axes all are
/// reduced, or none when `noop_with_empty_axes` (what is done to each element is done still).
/// Number types; bool for max and min. An empty sum is 0, product 1, max the least and min the
/// greatest value of the type. Floats narrower than f64 are summed in f64, integers wrap around.
/// Source: ONNX Reduce*-18, ReduceSum-13, ReduceMax-20.
struct Reduce {
  Reduction kind = Reduction::sum;
  std::vector<int64_t> axes;
  bool keep_dims = true;
  bool noop_with_empty_axes = false;

  std::string_view op_name() const;
  static Reduce named(std::string_view name);
  void fields(auto&& field) {
    field("axes", axes);
    field("keep_dims", keep_dims);
    field("noop_with_empty_axes", noop_with_empty_axes);
  }
};

/// Which of `rank` axes are reduced. Throws INVALID_MODEL for an axis out of range or named twice.
std::vector<bool> reduced_axes(const Reduce&, const std::vector<int64_t>& axes, int64_t rank);

/// A shape as the loops of a reduction see it: neighbouring dimensions that are both kept or both
/// reduced are one; dimensions of 1 are gone.
struct ReductionLoop {
  int64_t size = 1;
  bool reduced = false;
};
std::vector<ReductionLoop> reduction_loops(const std::vector<int64_t>& shape,
                                           const std::vector<bool>& reduced);

void infer(const Reduce&, Infer&);
void reference(const Reduce&, Evaluation&);
Dim operations(const Reduce&, const Infer&);
bool keeps_rows(const Reduce&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

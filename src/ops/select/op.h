#pragma once

#include "ir/op.h"

namespace drawbar::ops {

// Operators that pick elements by their values.

/// x → i64 [rank of x, n], the positions of the n elements that are not zero (false, an empty
/// string) in row-major order, a column each. Source: ONNX NonZero-13.
struct NonZero {
  static constexpr std::string_view name = "NonZero";
  void fields(auto&&) {}
};

/// x, condition bool [m] → x's slices along `axis` (of x flattened, when `flatten`) where the
/// condition holds; m may be less than x has slices. Any element type. Source: ONNX Compress-11.
struct Compress {
  static constexpr std::string_view name = "Compress";
  int64_t axis = 0;
  bool flatten = true;
  void fields(auto&& field) {
    field("axis", axis);
    field("flatten", flatten);
  }
};

/// x → y, the distinct slices of x along `axis` (distinct elements, when `flatten`), ascending or,
/// unless `sorted`, as they occur; first [n], where each occurs first; inverse [slices of x], which
/// of y each one is; counts [n]. All three i64. Not-a-number equals itself and comes last. Numbers,
/// bool and strings. Source: ONNX Unique-11.
struct Unique {
  static constexpr std::string_view name = "Unique";
  int64_t axis = 0;
  bool flatten = true, sorted = true;
  void fields(auto&& field) {
    field("axis", axis);
    field("flatten", flatten);
    field("sorted", sorted);
  }
};

/// x, k [1] i64 → values, indices i64: the k largest (or smallest) elements along `axis`, the best
/// first; of equal ones the lower index comes first. Not-a-number counts as the largest. Number
/// types. Source: ONNX TopK-24.
struct TopK {
  static constexpr std::string_view name = "TopK";
  int64_t axis = -1;
  bool largest = true;
  void fields(auto&& field) {
    field("axis", axis);
    field("largest", largest);
  }
};

/// indices (any numbers), depth (one number), values [2] (off, on) → off everywhere but at each
/// index along a new dimension of `depth` at `axis`. Negative indices count from the back; others
/// out of range leave their line off. Source: ONNX OneHot-11.
struct OneHot {
  static constexpr std::string_view name = "OneHot";
  int64_t axis = -1;
  void fields(auto&& field) { field("axis", axis); }
};

void infer(const NonZero&, Infer&);
void infer(const Compress&, Infer&);
void infer(const Unique&, Infer&);
void infer(const TopK&, Infer&);
void infer(const OneHot&, Infer&);
void reference(const NonZero&, Evaluation&);
void reference(const Compress&, Evaluation&);
void reference(const Unique&, Evaluation&);
void reference(const TopK&, Evaluation&);
void reference(const OneHot&, Evaluation&);

}  // namespace drawbar::ops

#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// What happens where an update meets an element.
enum class ScatterReduction : uint8_t { none, add, mul, max, min };

}  // namespace drawbar::ops

namespace drawbar {
template <>
struct EnumNames<ops::ScatterReduction> {
  static constexpr std::string_view names[] = {"none", "add", "mul", "max", "min"};
};
}  // namespace drawbar

namespace drawbar::ops {

// In all of these, updates are applied in their row-major order, so that the last one wins where
// two meet, and an index out of range throws INVALID_ARGUMENT.

/// x, indices (x's rank, no larger but along `axis`), updates (the indices' shape) → x with each
/// update at its own position but along the axis: y[indices[i][j]][j] = updates[i][j] for axis 0.
/// Any element type; numbers and bool with a reduction. Source: ONNX ScatterElements-18.
struct ScatterElements {
  static constexpr std::string_view name = "ScatterElements";
  int64_t axis = 0;
  ScatterReduction reduction = ScatterReduction::none;
  void fields(auto&& field) {
    field("axis", axis);
    field("reduction", reduction);
  }
};

/// x [d0…], indices [i…, k] i64, updates [i…, d(k)…] → x with the slices that the lines of k
/// indices name set to the updates. Any element type; numbers and bool with a reduction. Source:
/// ONNX ScatterND-18.
struct ScatterND {
  static constexpr std::string_view name = "ScatterND";
  ScatterReduction reduction = ScatterReduction::none;
  void fields(auto&& field) { field("reduction", reduction); }
};

/// cache [batch, …, capacity, …], update (the same but for `axis`), starts [batch] i64 (optional:
/// 0) → the cache with each batch's update written along the axis from its start on; `circular`
/// goes on at the front, otherwise it must fit. Any element type. Source: ONNX TensorScatter-24.
struct TensorScatter {
  static constexpr std::string_view name = "TensorScatter";
  int64_t axis = -2;
  bool circular = false;
  void fields(auto&& field) {
    field("axis", axis);
    field("circular", circular);
  }
};

void infer(const ScatterElements&, Infer&);
void infer(const ScatterND&, Infer&);
void infer(const TensorScatter&, Infer&);
void reference(const ScatterElements&, Evaluation&);
void reference(const ScatterND&, Evaluation&);
void reference(const TensorScatter&, Evaluation&);
Dim operations(const ScatterElements&, const Infer&);
Dim operations(const ScatterND&, const Infer&);
Dim operations(const TensorScatter&, const Infer&);

}  // namespace drawbar::ops

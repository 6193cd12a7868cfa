#pragma once

#include "ir/op.h"
#include "ops/movement/strided_copy.h"

namespace drawbar::ops {

/// What stands outside the tensor: a value, its reflection without the border, its border, or the
/// tensor again.
enum class PadMode : uint8_t { constant, reflect, edge, wrap };

}  // namespace drawbar::ops

namespace drawbar {
template <>
struct EnumNames<ops::PadMode> {
  static constexpr std::string_view names[] = {"constant", "reflect", "edge", "wrap"};
};
}  // namespace drawbar

namespace drawbar::ops {

/// x, pads [2n] i64 (before each dimension, then after each), value (one element of x's type,
/// optional: 0), axes [n] (optional: all) → x with that much put around it. Negative pads cut off,
/// before anything is put around. Any element type. Source: ONNX Pad-25.
struct Pad {
  static constexpr std::string_view name = "Pad";
  PadMode mode = PadMode::constant;
  void fields(auto&& field) { field("mode", mode); }
};

/// Where the elements along one dimension of the result come from: `kept` elements of x from `cut`
/// on stand at `lead`, and the mode says what stands around them.
struct PadAxis {
  PadMode mode = PadMode::constant;
  int64_t cut = 0, kept = 0, lead = 0, total = 0;

  /// The index of x for position i of the result, or -1 for the value.
  int64_t source(int64_t i) const;
};

/// One per dimension. Empty `axes` are absent. Throws INVALID_MODEL for pads that do not fit.
std::vector<PadAxis> pad_axes(PadMode mode, const Shape& x, const std::vector<int64_t>& pads,
                              const std::vector<int64_t>& axes);

void infer(const Pad&, Infer&);
void reference(const Pad&, Evaluation&);
Dim operations(const Pad&, const Infer&);
bool keeps_rows(const Pad&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

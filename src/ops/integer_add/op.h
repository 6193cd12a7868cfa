#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// Sum of two quantised tensors: ((a - a_zero_point) · a_scale + (b - b_zero_point) · b_scale) /
/// y_scale in f32, rounded to nearest even, plus y_zero_point, saturated.
///
/// a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point → y of y_zero_point's
/// type. a and b have one shape and are u8 or i8, each of its zero point's type; scales are f32,
/// all of these scalars. Source: com.microsoft QLinearAdd, without broadcasting.
struct QLinearAdd {
  static constexpr std::string_view name = "QLinearAdd";
  void fields(auto&&) {}
};

void infer(const QLinearAdd&, Infer&);
void reference(const QLinearAdd&, Evaluation&);
Dim operations(const QLinearAdd&, const Infer&);
bool keeps_rows(const QLinearAdd&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

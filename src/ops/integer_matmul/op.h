#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// Product of integer matrices: the sums of (a - a_zero_point) · (b - b_zero_point), wrapped to 32
/// bits.
/// a [..., M, K] and b [..., K, N], each u8 or i8, batches broadcast; a_zero_point (scalar, [M] or
/// [..., M, 1]) and b_zero_point (scalar, [N] or [..., 1, N]) of their types, both optional (0)
/// → y [..., M, N] i32. Source: ONNX MatMulInteger-10.
struct MatMulInteger {
  static constexpr std::string_view name = "MatMulInteger";
  void fields(auto&&) {}
};

/// Product of quantised matrices: sums as MatMulInteger's, times a_scale · b_scale / y_scale (in
/// f32), rounded to nearest even, plus y_zero_point, saturated.
/// a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point, c (i32 [N], optional:
/// added to the sums; passes put it there) → y [..., M, N] of y_zero_point's type, u8 or i8. Scales
/// are floats of one type; a's scale and zero point are scalars or one per row, b's one per column,
/// y's scalars or one per row. Without y's (passes leave both out) y is f32: the sums times a_scale
/// · b_scale, and c may be f32, which is added to that. Source: ONNX QLinearMatMul-21.
struct QLinearMatMul {
  static constexpr std::string_view name = "QLinearMatMul";
  void fields(auto&&) {}
};

void infer(const MatMulInteger&, Infer&);
void reference(const MatMulInteger&, Evaluation&);
Dim operations(const MatMulInteger&, const Infer&);

void infer(const QLinearMatMul&, Infer&);
void reference(const QLinearMatMul&, Evaluation&);
Dim operations(const QLinearMatMul&, const Infer&);
bool keeps_rows(const QLinearMatMul&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

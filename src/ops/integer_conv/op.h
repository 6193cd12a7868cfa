#pragma once

#include "ir/op.h"
#include "ops/window/window.h"

namespace drawbar::ops {

/// Convolution of integers: the sums of (x - x_zero_point) * (w - w_zero_point), wrapped to 32
/// bits; padding adds nothing.
///
/// x [N, C, d1…dn] and w [M, C/group, k1…kn], each u8 or i8, x_zero_point (scalar) and w_zero_point
/// (scalar or [M]) of their types, both optional (0) → y [N, M, o1…on] i32. Attributes as Conv's.
/// Source: ONNX ConvInteger-10.
struct ConvInteger {
  static constexpr std::string_view name = "ConvInteger";
  std::vector<int64_t> strides, dilations, pads_begin, pads_end;
  AutoPad auto_pad = AutoPad::pads;
  int64_t group = 1;
  void fields(auto&& field) {
    field("strides", strides);
    field("dilations", dilations);
    field("pads_begin", pads_begin);
    field("pads_end", pads_end);
    field("auto_pad", auto_pad);
    field("group", group);
  }
};

void infer(const ConvInteger&, Infer&);
void reference(const ConvInteger&, Evaluation&);
Dim operations(const ConvInteger&, const Infer&);

/// Convolution of quantised tensors: sums as ConvInteger's, plus b, times
/// x_scale * w_scale / y_scale (in f32), rounded to nearest even, plus y_zero_point, saturated.
///
/// x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, b [M] i32 (optional)
/// → y of y_zero_point's type. Scales are f32; those of w and its zero points are scalars or [M],
/// the others scalars. Without y's (passes leave both out) y is f32: the sums times x_scale *
/// w_scale, and b may be f32, which is added to that. Source: ONNX QLinearConv-10.
struct QLinearConv {
  static constexpr std::string_view name = "QLinearConv";
  std::vector<int64_t> strides, dilations, pads_begin, pads_end;
  AutoPad auto_pad = AutoPad::pads;
  int64_t group = 1;
  void fields(auto&& field) {
    field("strides", strides);
    field("dilations", dilations);
    field("pads_begin", pads_begin);
    field("pads_end", pads_end);
    field("auto_pad", auto_pad);
    field("group", group);
  }
};

void infer(const QLinearConv&, Infer&);
void reference(const QLinearConv&, Evaluation&);
Dim operations(const QLinearConv&, const Infer&);
bool keeps_rows(const QLinearConv&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

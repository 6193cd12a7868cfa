#pragma once

#include "ir/op.h"
#include "ops/pointwise/program.h"
#include "ops/window/window.h"

namespace drawbar::ops {

/// Transposed convolution over n spatial dimensions, 1 to 3: every input element adds its multiple
/// of the kernel to the output, at i * stride - pad_begin.
///
/// x [N, C, d1…dn], w [C, M/group, k1…kn], b [M] (optional) and the further inputs of `post` as
/// Conv has them → y [N, M, o1…on]; all of one float type. o = (d - 1) * stride + output_padding +
/// extent
/// - pads, or output_shape (n numbers), which then decides the pads together with auto_pad;
/// auto_pad alone gives o = d * stride. Source: ONNX ConvTranspose-22.
struct ConvTranspose {
  static constexpr std::string_view name = "ConvTranspose";
  std::vector<int64_t> strides, dilations, pads_begin, pads_end, output_padding, output_shape;
  AutoPad auto_pad = AutoPad::pads;
  int64_t group = 1;
  Program post;  // put there by passes

  void fields(auto&& field) {
    field("strides", strides);
    field("dilations", dilations);
    field("pads_begin", pads_begin);
    field("pads_end", pads_end);
    field("output_padding", output_padding);
    field("output_shape", output_shape);
    field("auto_pad", auto_pad);
    field("group", group);
    field("post", post);
  }
};

void infer(const ConvTranspose&, Infer&);
void reference(const ConvTranspose&, Evaluation&);
Dim operations(const ConvTranspose&, const Infer&);
bool keeps_rows(const ConvTranspose&, const Infer&, const std::vector<bool>& batched);

/// The concrete geometry seen from y: `input` are x's sizes, `output` y's, and input i meets output
/// i * stride - pad + k * dilation.
Window3 transposed_window(const ConvTranspose& op, const Shape& x, const Shape& w);

}  // namespace drawbar::ops

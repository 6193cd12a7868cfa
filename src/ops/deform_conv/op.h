#pragma once

#include "ir/op.h"
#include "ops/window/window.h"

namespace drawbar::ops {

/// Convolution whose taps are displaced: for every output position and tap, x is read (bilinearly,
/// zero outside) at the tap's place plus an offset, and multiplied by a mask.
///
/// x [N, C, H, W], w [M, C/group, kh, kw], offset [N, offset_group * kh * kw * 2, oh, ow] (y before
/// x), b [M] (optional), mask [N, offset_group * kh * kw, oh, ow] (optional: 1) → y [N, M, oh, ow];
/// one float type. Source: ONNX DeformConv-22; Dai et al., "Deformable Convolutional Networks"
/// (2017).
struct DeformConv {
  static constexpr std::string_view name = "DeformConv";
  std::vector<int64_t> strides, dilations, pads_begin, pads_end;
  AutoPad auto_pad = AutoPad::pads;  // always
  int64_t group = 1, offset_group = 1;
  void fields(auto&& field) {
    field("strides", strides);
    field("dilations", dilations);
    field("pads_begin", pads_begin);
    field("pads_end", pads_end);
    field("group", group);
    field("offset_group", offset_group);
  }
};

void infer(const DeformConv&, Infer&);
void reference(const DeformConv&, Evaluation&);
Dim operations(const DeformConv&, const Infer&);

}  // namespace drawbar::ops

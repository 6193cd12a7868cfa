#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// Adds columns up into the image they were cut from: x [N, C·∏block, L], image_shape [n] i64,
/// block_shape [n] i64 → [N, C, image_shape…]. Column l is the block at the l-th position that the
/// strides, dilations and pads (before each dimension, then after each) give. Empty lists: 1, 1 and
/// 0. Number types. Source: ONNX Col2Im-18.
struct Col2Im {
  static constexpr std::string_view name = "Col2Im";
  std::vector<int64_t> strides, dilations, pads;
  void fields(auto&& field) {
    field("strides", strides);
    field("dilations", dilations);
    field("pads", pads);
  }
};

void infer(const Col2Im&, Infer&);
void reference(const Col2Im&, Evaluation&);
Dim operations(const Col2Im&, const Infer&);

}  // namespace drawbar::ops

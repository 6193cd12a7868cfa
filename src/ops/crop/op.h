#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// x, shape [n] i64 → x cut or padded with zeros on both sides alike, so that dimension axes[i]
/// becomes shape[i] (no axes: all of them). An odd element is cut or put at the end. Any element
/// type. Source: ONNX CenterCropPad-18.
struct CenterCropPad {
  static constexpr std::string_view name = "CenterCropPad";
  std::vector<int64_t> axes;
  void fields(auto&& field) { field("axes", axes); }
};

void infer(const CenterCropPad&, Infer&);
void reference(const CenterCropPad&, Evaluation&);
Dim operations(const CenterCropPad&, const Infer&);

}  // namespace drawbar::ops

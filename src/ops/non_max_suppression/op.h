#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// Greedy non-maximum suppression for every image and class: boxes in the order of their scores
/// (equal ones by index) are selected unless they overlap one selected before with an intersection
/// over union above the threshold.
///
/// boxes [N, B, 4] f32 as (y1, x1, y2, x2), any two opposite corners, or with center_point_box as
/// (x, y, width, height); scores [N, C, B] f32; and optionally, of one element each,
/// most_per_class i64 (absent: 0), iou_threshold f32 (absent: 0), score_threshold f32 (absent: all;
/// else only scores above it) → indices [S, 3] i64: image, class, box.
/// Source: ONNX NonMaxSuppression-11.
struct NonMaxSuppression {
  static constexpr std::string_view name = "NonMaxSuppression";
  bool center_point_box = false;
  void fields(auto&& field) { field("center_point_box", center_point_box); }
};

void infer(const NonMaxSuppression&, Infer&);
void reference(const NonMaxSuppression&, Evaluation&);

}  // namespace drawbar::ops

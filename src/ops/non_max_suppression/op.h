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

/// The same with outputs of a fixed size, for targets that need one (targets/partition_padded.h):
/// rows [N · C · min(most, B), 3] i64, the indices and zeros behind them, and count [1] i64, how
/// many of the rows are indices. No more than `most` are selected per class, whatever
/// most_per_class is. Source: the idea of TensorFlow's non_max_suppression_padded.
struct NonMaxSuppressionPadded {
  static constexpr std::string_view name = "NonMaxSuppressionPadded";
  bool center_point_box = false;
  int64_t most = 0;
  void fields(auto&& field) {
    field("center_point_box", center_point_box);
    field("most", most);
  }
};

void infer(const NonMaxSuppression&, Infer&);
void infer(const NonMaxSuppressionPadded&, Infer&);
void reference(const NonMaxSuppression&, Evaluation&);
void reference(const NonMaxSuppressionPadded&, Evaluation&);
Dim operations(const NonMaxSuppressionPadded&, const Infer&);

}  // namespace drawbar::ops

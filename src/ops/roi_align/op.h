#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// Averages (or maxima) of bilinear samples in a grid of bins over each region of interest.
///
/// x [N, C, H, W], rois [R, 4] as (x1, y1, x2, y2) in units of 1 / spatial_scale pixels, batch [R]
/// i64, the image of each → y [R, C, output_height, output_width]; x and rois of one float type.
/// A bin has sampling_ratio² samples, or with 0 about one for each pixel. `half_pixel` shifts
/// regions by half a pixel; without, they are at least 1 × 1. `maximum` takes, as ONNX has it, the
/// largest of the weighted neighbours. Source: ONNX RoiAlign-22.
struct RoiAlign {
  static constexpr std::string_view name = "RoiAlign";
  int64_t output_height = 1, output_width = 1, sampling_ratio = 0;
  float spatial_scale = 1;
  bool half_pixel = true;
  bool maximum = false;
  void fields(auto&& field) {
    field("output_height", output_height);
    field("output_width", output_width);
    field("sampling_ratio", sampling_ratio);
    field("spatial_scale", spatial_scale);
    field("half_pixel", half_pixel);
    field("maximum", maximum);
  }
};

void infer(const RoiAlign&, Infer&);
void reference(const RoiAlign&, Evaluation&);
Dim operations(const RoiAlign&, const Infer&);

/// Maxima in a grid of bins over each region of interest, whose corners round to pixels.
/// x [N, C, H, W], rois [R, 5] as (image, x1, y1, x2, y2) → y [R, C, output_height, output_width],
/// one float type; an empty bin gives 0. Source: ONNX MaxRoiPool-22.
struct MaxRoiPool {
  static constexpr std::string_view name = "MaxRoiPool";
  int64_t output_height = 1, output_width = 1;
  float spatial_scale = 1;
  void fields(auto&& field) {
    field("output_height", output_height);
    field("output_width", output_width);
    field("spatial_scale", spatial_scale);
  }
};

void infer(const MaxRoiPool&, Infer&);
void reference(const MaxRoiPool&, Evaluation&);

}  // namespace drawbar::ops

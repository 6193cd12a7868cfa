#pragma once

#include <vector>

#include <array>
#include <optional>

#include "ops/resize/op.h"

namespace drawbar::ops {

/// How one axis is resized.
struct ResizeAxis {
  int64_t inputs = 0, outputs = 0;
  float scale = 1;
  float length = 1;  // outputs before rounding
  float roi_start = 0, roi_end = 1;
  /// Nothing to do along this axis.
  bool identity(const Resize& op) const {
    const bool whole =
        op.coordinates != ResizeCoordinates::tf_crop_and_resize || (roi_start == 0 && roi_end == 1);
    return inputs == outputs && scale == 1 && whole;
  }
};

/// Output o of an axis is the sum over k < count of x[index[o * count + k]] * weight[o * count +
/// k]; nearest has one tap of weight 1. Where `outside` (empty: nowhere) it is the extrapolation
/// value.
struct ResizeTaps {
  int64_t count = 1;
  std::vector<int64_t> index;
  std::vector<float> weight;
  std::vector<bool> outside;
};

ResizeTaps resize_taps(const Resize& op, const ResizeAxis& axis);

/// What each axis of x [any shape] does. roi, scales and sizes are null where absent. Throws
/// INVALID_MODEL for wrong lengths, scales that are not positive, negative sizes.
std::vector<ResizeAxis> resize_axes(const Resize& op, const Shape& x, const Tensor* roi,
                                    const Tensor* scales, const Tensor* sizes);

/// An input of a node that may be known beforehand.
struct PlannedInput {
  bool present = false;
  const Tensor* contents = nullptr;  // null: known only while running
};

/// resize_axes() for a node whose shapes are known (roi, scales and sizes in this order); nothing
/// where what they say is needed and not known.
std::optional<std::vector<ResizeAxis>> planned_axes(const Resize& op, const Shape& x,
                                                    const Shape& y,
                                                    const std::array<PlannedInput, 3>& inputs);

/// floor(size * scale), the scale read as the simplest fraction that rounds to it: 0.7f is 7/10.
Dim scaled_size(const Dim& size, float scale);

}  // namespace drawbar::ops

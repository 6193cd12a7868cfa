#pragma once

#include <algorithm>
#include <cmath>

#include "ops/roi_align/op.h"

namespace drawbar::ops {

/// Where one sample of RoiAlign lies along one axis: between pixels `low` and `high`, `fraction` of
/// the way. Samples more than a pixel outside count as 0.
struct RoiSample {
  int64_t low = 0, high = 0;
  float fraction = 0;
  bool inside = false;
};

inline RoiSample roi_sample(float position, int64_t size) {
  RoiSample sample;
  sample.inside = position >= -1 && position <= static_cast<float>(size);
  if (!sample.inside) return sample;
  const float clamped = std::max(position, 0.0f);
  sample.low = static_cast<int64_t>(clamped);
  if (sample.low >= size - 1) {
    sample.low = sample.high = size - 1;
  } else {
    sample.high = sample.low + 1;
    sample.fraction = clamped - static_cast<float>(sample.low);
  }
  return sample;
}

/// One axis of a region: `samples` sample positions in each of `bins` bins.
struct RoiAxis {
  float start = 0, bin = 0;
  int64_t bins = 1, samples = 0;

  RoiAxis(const RoiAlign& op, float low, float high, int64_t bins_given) : bins(bins_given) {
    const float offset = op.half_pixel ? 0.5f : 0.0f;
    start = low * op.spatial_scale - offset;
    float length = high * op.spatial_scale - offset - start;
    if (!op.half_pixel) length = std::max(length, 1.0f);
    bin = length / static_cast<float>(bins);
    samples = op.sampling_ratio;
    if (samples == 0 && bin > 0) {
      if (!(bin < 1e6f)) {
        fail(ErrorCode::invalid_argument, "a region from {} to {} is too large", low, high);
      }
      samples = static_cast<int64_t>(std::ceil(bin));
    }
  }
  float position(int64_t index, int64_t sample) const {
    return start + static_cast<float>(index) * bin +
           (static_cast<float>(sample) + 0.5f) * bin / static_cast<float>(samples);
  }
};

/// The image of region r. Throws INVALID_ARGUMENT when x has none of this number.
inline int64_t roi_image(const int64_t* batch, int64_t r, int64_t images) {
  if (batch[r] < 0 || batch[r] >= images) {
    fail(ErrorCode::invalid_argument, "region {} is in image {}, x has {}", r, batch[r], images);
  }
  return batch[r];
}

}  // namespace drawbar::ops

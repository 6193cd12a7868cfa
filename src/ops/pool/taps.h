#pragma once

#include <algorithm>

#include "ops/window/window.h"

namespace drawbar::ops {

/// What one position of a pooling window covers.
struct PoolTaps {
  Range taps[3];     // those that lie in the input, along each axis
  int64_t start[3];  // the input that tap 0 lies on, below 0 in the padding
  int64_t count;     // what an average divides by, at least 1

  /// Calls body(i, j, k), the input along each axis, for each tap inside.
  void for_each(const Window3& w, const auto& body) const {
    for (int64_t a = taps[0].first; a < taps[0].last; ++a) {
      for (int64_t b = taps[1].first; b < taps[1].last; ++b) {
        for (int64_t c = taps[2].first; c < taps[2].last; ++c)
          body(start[0] + a * w.dilation[0], start[1] + b * w.dilation[1],
               start[2] + c * w.dilation[2]);
      }
    }
  }
};

/// The taps of output `position` (row-major, below w.outputs()). With `count_include_pad` the
/// padding counts too, what lies beyond it never.
inline PoolTaps taps_at(const Window3& w, int64_t position, bool count_include_pad) {
  const int64_t o[3] = {position / w.output[2] / w.output[1], position / w.output[2] % w.output[1],
                        position % w.output[2]};
  PoolTaps result{};
  int64_t count = 1;
  for (int axis = 0; axis < 3; ++axis) {
    const int64_t first = o[axis] * w.stride[axis];
    result.start[axis] = first - w.pad[axis];
    result.taps[axis] =
        valid_positions(w.kernel[axis], w.input[axis], w.dilation[axis], result.start[axis]);
    if (count_include_pad) {
      const int64_t end = w.input[axis] + w.pad[axis] + w.pad_end[axis];
      const int64_t fitting = (end - first + w.dilation[axis] - 1) / w.dilation[axis];
      count *= std::min(w.kernel[axis], std::max<int64_t>(fitting, 0));
    } else {
      count *= result.taps[axis].last - result.taps[axis].first;
    }
  }
  result.count = std::max<int64_t>(count, 1);
  return result;
}

}  // namespace drawbar::ops

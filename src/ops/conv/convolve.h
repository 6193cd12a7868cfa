#pragma once

#include "ops/window/window.h"

namespace drawbar::ops {

/// Adds one image's convolution for one output channel to sums[outputs]: plain loops, the oracle of
/// every kernel. x(channel, index) and w(channel, tap) give the numbers that are multiplied;
/// padding counts as zero.
template <class Sum, class X, class W>
void convolve_channel(const Window3& window, int64_t channels, const X& x, const W& w, Sum* sums) {
  const auto valid = [&](int axis, int64_t k) {
    return valid_positions(window.output[axis], window.input[axis], window.stride[axis],
                           k * window.dilation[axis] - window.pad[axis]);
  };
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t tap = 0; tap < window.taps(); ++tap) {
      const int64_t k[3] = {tap / window.kernel[2] / window.kernel[1],
                            tap / window.kernel[2] % window.kernel[1], tap % window.kernel[2]};
      const Sum factor = w(c, tap);
      const Range depth = valid(0, k[0]), height = valid(1, k[1]), width = valid(2, k[2]);
      const auto source = [&](int axis, int64_t o) {
        return o * window.stride[axis] + k[axis] * window.dilation[axis] - window.pad[axis];
      };
      for (int64_t d = depth.first; d < depth.last; ++d) {
        for (int64_t h = height.first; h < height.last; ++h) {
          Sum* row = sums + (d * window.output[1] + h) * window.output[2];
          const int64_t start = (source(0, d) * window.input[1] + source(1, h)) * window.input[2] +
                                k[2] * window.dilation[2] - window.pad[2];
          for (int64_t o = width.first; o < width.last; ++o) {
            row[o] += factor * static_cast<Sum>(x(c, start + o * window.stride[2]));
          }
        }
      }
    }
  }
}

}  // namespace drawbar::ops

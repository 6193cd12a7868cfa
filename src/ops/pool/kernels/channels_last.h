#pragma once

#include <cstdint>

namespace drawbar::cpu {

/// Two-dimensional pooling with the channels innermost: x [n, h, w, c] → y [n, oh, ow, c].
struct PoolShape {
  int64_t n = 1, h = 1, w = 1, c = 1, oh = 1, ow = 1;
  int64_t y_pixel = 1;  // elements between pixels of y, ≥ c
  int64_t kh = 1, kw = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  bool average = false;            // else the maximum
  bool count_include_pad = false;  // of averages

  int64_t rows() const { return n * oh; }
};

/// Output rows [first, last) of rows(). Thread-safe. Of f32; of u8 or i8 the maximum alone.
void pool_channels_last(const PoolShape& shape, const float* x, float* y, int64_t first,
                        int64_t last);

void max_pool_bytes(const PoolShape& shape, bool is_signed, const void* x, void* y, int64_t first,
                    int64_t last);

/// The maximum, or for averages the sum times `scale`, of each channel of `pixels` pixels:
/// x[p * c + channel] → y[channel].
void pool_all_channels_last(bool average, const float* x, int64_t pixels, int64_t c, float scale,
                            float* y);

/// The maximum or mean of `count` neighbours.
float pool_all_row_major(bool average, const float* x, int64_t count);

}  // namespace drawbar::cpu

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

/// One axis of a window: taps [first, last) inside, and how many count.
struct PoolSpan {
  int64_t first, last, counted;
};
inline PoolSpan pool_span(int64_t start, int64_t size, int64_t pad_end, int64_t kernel,
                          int64_t dilation, bool with_pad) {
  // Taps before a distance, without the division where they are neighbours.
  const auto taps = [&](int64_t distance) {
    return dilation == 1 ? distance : (distance + dilation - 1) / dilation;
  };
  PoolSpan span;
  span.first = start < 0 ? taps(-start) : 0;
  span.last = start >= size ? 0 : taps(size - start);
  span.last = span.last < kernel ? span.last : kernel;
  if (span.last < span.first) span.last = span.first;
  span.counted = span.last - span.first;
  if (with_pad) {
    const int64_t fitting = taps(size + pad_end - start);
    span.counted = fitting < kernel ? fitting : kernel;
  }
  return span;
}

/// The windows of output row `row` of rows(): their taps along y, and where x's first such line
/// begins, in elements.
struct PoolRow {
  PoolSpan span;
  int64_t first;
};
inline PoolRow pool_row(const PoolShape& s, int64_t row) {
  const int64_t image = row / s.oh, top = row % s.oh * s.stride_h - s.pad_top;
  const PoolSpan span = pool_span(top, s.h, s.pad_bottom, s.kh, s.dilation_h, s.count_include_pad);
  return {span, (image * s.h + top + span.first * s.dilation_h) * s.w * s.c};
}

/// The taps of one window that lie inside x: rows × columns of them, in elements; none where
/// `rows` is 0.
struct PoolPatch {
  int64_t first, rows, columns, row_step, column_step;
  int64_t count;  // what an average divides by, unless 0
};
inline PoolPatch pool_patch(const PoolShape& s, const PoolRow& row, int64_t ox) {
  const int64_t left = ox * s.stride_w - s.pad_left;
  const PoolSpan columns =
      pool_span(left, s.w, s.pad_right, s.kw, s.dilation_w, s.count_include_pad);
  PoolPatch patch{row.first + (left + columns.first * s.dilation_w) * s.c,
                  row.span.last - row.span.first,
                  columns.last - columns.first,
                  s.dilation_h * s.w * s.c,
                  s.dilation_w * s.c,
                  row.span.counted * columns.counted};
  if (patch.rows == 0 || patch.columns == 0) patch.first = patch.rows = 0;
  return patch;
}

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

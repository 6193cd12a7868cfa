#pragma once

#include "ops/conv/kernels/factories.h"

namespace drawbar::cpu {

/// ceil(a / b) for b > 0 and any a.
constexpr int64_t ceil_divide(int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

/// The pointers of `run` output pixels from (oy, ox) for the taps of kernel row ky, `stride` apart:
/// into x, or at `padding` outside the image.
template <class T>
void fill_kernel_row(const ConvShape& shape, const T* x, const T* padding, int64_t image,
                     int64_t oy, int64_t ox, int64_t run, int64_t ky, int64_t stride,
                     const T** list) {
  const int64_t iy = oy * shape.stride_h - shape.pad_top + ky * shape.dilation_h;
  if (iy < 0 || iy >= shape.h) {
    for (int64_t kx = 0; kx < shape.kw; ++kx) std::fill_n(list + kx * stride, run, padding);
    return;
  }
  const T* line = x + (image * shape.h + iy) * shape.w * shape.x_pixel_stride;
  const int64_t step = shape.stride_w * shape.x_pixel_stride;
  for (int64_t kx = 0; kx < shape.kw; ++kx, list += stride) {
    // Pixel i reads column `first` + i · stride_w: valid for i in [low, high).
    const int64_t first = ox * shape.stride_w - shape.pad_left + kx * shape.dilation_w;
    const int64_t low = std::clamp<int64_t>(ceil_divide(-first, shape.stride_w), 0, run);
    const int64_t high =
        std::clamp<int64_t>(ceil_divide(shape.w - first, shape.stride_w), low, run);
    std::fill_n(list, low, padding);
    const T* pixel = line + (first + low * shape.stride_w) * shape.x_pixel_stride;
    for (int64_t i = low; i < high; ++i, pixel += step) list[i] = pixel;
    std::fill_n(list + high, run - high, padding);
  }
}

/// The pointers of output pixels [begin, begin + count): list[tap · count + pixel].
template <class T>
void fill_taps(const ConvShape& shape, const T* x, const T* padding, int64_t begin, int64_t count,
               const T** list) {
  for_each_row_run(shape, begin, count,
                   [&](int64_t row, int64_t run, int64_t image, int64_t oy, int64_t ox) {
                     for (int64_t ky = 0; ky < shape.kh; ++ky) {
                       fill_kernel_row(shape, x, padding, image, oy, ox, run, ky, count,
                                       list + ky * shape.kw * count + row);
                     }
                   });
}

/// Into how many parts each line's steps of channels are cut: one, but where lines are too few for
/// so many threads.
inline int64_t parts_of_lines(int64_t lines, int64_t steps, int threads) {
  return threads == 1 ? 1 : std::clamp<int64_t>((4 * threads + lines - 1) / lines, 1, steps);
}

/// Whether kernels are three wide and a pixel's taps are its neighbour's, one further.
inline bool taps_slide(const ConvShape& shape) {
  return shape.kw == 3 && shape.stride_w == 1 && shape.dilation_w == 1;
}

/// What a run of output pixels reads: `count` kernel rows from `first` on; each has `in_row`
/// pointers.
struct RunRows {
  int64_t first = 0, count = 0, in_row = 0;
};

inline int64_t most_in_row(const ConvShape& shape, int64_t pixels) {
  return taps_slide(shape) ? pixels + 2 : shape.kw * pixels;
}

/// The pointers of output pixels [ox, ox + pixels) of a line (of all images): list[row · in_row +
/// i]. Where taps slide, i is the first tap of output i; else kx · pixels + i is its tap kx. Rows
/// outside the image are left out where padding is 0, else they point at `padding`, as all does
/// that is outside.
template <class T>
RunRows fill_run(const ConvShape& shape, const T* x, const T* padding, int64_t line, int64_t ox,
                 int64_t pixels, bool padding_is_0, const T** list) {
  const int64_t top = line % shape.oh * shape.stride_h - shape.pad_top;
  const bool slides = taps_slide(shape);
  RunRows rows{.in_row = most_in_row(shape, pixels)};
  for (int64_t ky = 0; ky < shape.kh; ++ky) {
    const int64_t iy = top + ky * shape.dilation_h;
    const bool is_row = iy >= 0 && iy < shape.h;
    if (!is_row && padding_is_0) continue;
    if (rows.count++ == 0) rows.first = ky;
    const T* row = x + (line / shape.oh * shape.h + iy) * shape.w * shape.x_pixel_stride;
    for (int64_t i = 0; i < rows.in_row; ++i) {
      const int64_t kx = slides ? 0 : i / pixels, pixel = slides ? i : i % pixels;
      const int64_t ix = (ox + pixel) * shape.stride_w - shape.pad_left + kx * shape.dilation_w;
      const bool inside = is_row && ix >= 0 && ix < shape.w;
      *list++ = inside ? row + ix * shape.x_pixel_stride : padding;
    }
  }
  return rows;
}

}  // namespace drawbar::cpu

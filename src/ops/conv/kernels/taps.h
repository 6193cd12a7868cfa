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

}  // namespace drawbar::cpu

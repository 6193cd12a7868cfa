// The input's side of Winograd's transforms: Bᵀ · d · B of F(m, r) by Toom and Cook's interpolation
// along the sides of a tile, vectorised over channels. A side has m + r − 1 = 4, 6, 8 or 10
// positions: the points 0, ±1 (4), ±2 (6), ±1/2 (8), ±3/2 (10), and infinity; or 1, which is left
// as it is. Only the number of points matters here.
#include <algorithm>

#include "ops/conv/kernels/winograd_transform.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv/kernels/winograd_input.cc"
#include "targets/cpu/simd.h"
// After simd.h, which sets up the instruction set.
#include "ops/conv/kernels/winograd_channels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using Vec = hn::Vec<D>;

/// Bᵀ · d for one column or row of kSize values: row i has the coefficients of the product of
/// (x − point) over the other points.
template <int kSize, class D>
HWY_INLINE void transform_input_line(D d, const Vec<D>* in, Vec<D>* out) {
  const auto times = [&](float factor, Vec<D> x)
                         HWY_ATTR { return hn::Mul(hn::Set(d, factor), x); };
  const auto plus = [&](Vec<D> sum, float factor, Vec<D> x)
                        HWY_ATTR { return hn::MulAdd(hn::Set(d, factor), x, sum); };
  const auto both = [&](int i, Vec<D> even, Vec<D> odd) HWY_ATTR {  // a point and its negative
    out[i] = hn::Add(even, odd);
    out[i + 1] = hn::Sub(even, odd);
  };
  if constexpr (kSize == 1) {
    out[0] = in[0];
  } else if constexpr (kSize == 4) {
    out[0] = hn::Sub(in[0], in[2]);
    both(1, in[2], in[1]);
    out[3] = hn::Sub(in[3], in[1]);
  } else if constexpr (kSize == 6) {
    out[0] = plus(plus(in[4], -5, in[2]), 4, in[0]);
    both(1, plus(in[4], -4, in[2]), plus(in[3], -4, in[1]));
    both(3, hn::Sub(in[4], in[2]), times(2, hn::Sub(in[3], in[1])));
    out[5] = plus(plus(in[5], -5, in[3]), 4, in[1]);
  } else if constexpr (kSize == 8) {
    out[0] = plus(hn::Sub(in[0], in[6]), 5.25f, hn::Sub(in[4], in[2]));
    both(1, plus(hn::Add(in[2], in[6]), -4.25f, in[4]), plus(hn::Add(in[1], in[5]), -4.25f, in[3]));
    both(3, plus(plus(in[6], 0.25f, in[2]), -1.25f, in[4]),
         plus(plus(times(0.5f, in[1]), -2.5f, in[3]), 2, in[5]));
    both(5, plus(plus(in[6], 4, in[2]), -5, in[4]),
         plus(plus(times(2, in[1]), -2.5f, in[3]), 0.5f, in[5]));
    out[7] = plus(hn::Sub(in[7], in[1]), 5.25f, hn::Sub(in[3], in[5]));
  } else {
    const auto ends = [&](const Vec<D>* x) HWY_ATTR {
      return plus(plus(plus(plus(x[8], -7.5f, x[6]), 17.0625f, x[4]), -12.8125f, x[2]), 2.25f,
                  x[0]);
    };
    // The product over the other pairs: x^6 − a x^4 + b x^2 − c.
    const auto pair = [&](int i, float point, float a, float b, float c) HWY_ATTR {
      both(i, plus(plus(plus(in[8], -a, in[6]), b, in[4]), -c, in[2]),
           times(point, plus(plus(plus(in[7], -a, in[5]), b, in[3]), -c, in[1])));
    };
    out[0] = ends(in);
    pair(1, 1, 6.5f, 10.5625f, 2.25f);
    pair(3, 2, 3.5f, 3.0625f, 0.5625f);
    pair(5, 0.5f, 7.25f, 15.25f, 9);
    pair(7, 1.5f, 5.25f, 5.25f, 1);
    out[9] = ends(in + 1);
  }
}

/// The pixels under a row of tiles.
template <int kSize>
struct PixelRows {
  const float* rows[kSize];  // null outside the image
  int64_t width, step;
};

/// One vector of channels of one tile: pixel (i, j) is at rows[i] + at + j · step.
template <int kRows, int kColumns, class D>
HWY_INLINE void transform_tile(D d, const float* const* rows, int64_t at, int64_t step, float* out,
                               int64_t plane_stride) {
  Vec<D> columns[kColumns][kRows];  // [column][row]
  for (int j = 0; j < kColumns; ++j, at += step) {
    Vec<D> in[kRows];
    for (int i = 0; i < kRows; ++i) in[i] = hn::LoadU(d, rows[i] + at);
    transform_input_line<kRows>(d, in, columns[j]);
  }
  for (int i = 0; i < kRows; ++i) {
    Vec<D> in[kColumns], result[kColumns];
    for (int j = 0; j < kColumns; ++j) in[j] = columns[j][i];
    transform_input_line<kColumns>(d, in, result);
    for (int j = 0; j < kColumns; ++j, out += plane_stride) hn::StoreU(result[j], d, out);
  }
}

/// The same of a tile that reaches beyond the image, whose pixels are zeros there.
template <int kRows, int kColumns, class D>
HWY_INLINE void transform_edge_tile(D d, const PixelRows<kRows>& pixels, int64_t column,
                                    int64_t channel, float* out, int64_t plane_stride) {
  constexpr int64_t kLanes = hn::MaxLanes(d);
  HWY_ALIGN float staged[kRows * kColumns * kLanes];
  const float* rows[kRows];
  for (int i = 0; i < kRows; ++i) {
    float* to = staged + i * kColumns * kLanes;
    rows[i] = to;
    for (int64_t j = 0; j < kColumns; ++j) {
      const bool inside = pixels.rows[i] != nullptr && column + j >= 0 && column + j < pixels.width;
      const auto pixel = inside
                             ? hn::LoadU(d, pixels.rows[i] + (column + j) * pixels.step + channel)
                             : hn::Zero(d);
      hn::StoreU(pixel, d, to + j * kLanes);
    }
  }
  transform_tile<kRows, kColumns>(d, rows, 0, kLanes, out, plane_stride);
}

template <int kRows, int kColumns>
void input(const WinogradTiles& tiles, const float* x, int64_t begin, int64_t end, float* out,
           int64_t tile_stride, int64_t plane_stride) {
  const ConvShape& shape = *tiles.shape;
  for (int64_t i = begin, count = 0; i < end; i += count) {
    const int64_t line = (tiles.first + i) / tiles.tiles_x;
    const int64_t place = (tiles.first + i) % tiles.tiles_x;
    const int64_t image = line / tiles.tiles_y;
    const int64_t iy = line % tiles.tiles_y * tiles.height - shape.pad_top;
    count = std::min(end - i, tiles.tiles_x - place);
    PixelRows<kRows> pixels;
    pixels.width = shape.w;
    pixels.step = shape.x_pixel_stride;
    for (int64_t r = 0; r < kRows; ++r) {
      const bool inside = iy + r >= 0 && iy + r < shape.h;
      pixels.rows[r] =
          inside ? x + (image * shape.h + iy + r) * shape.w * shape.x_pixel_stride : nullptr;
    }
    const bool whole = iy >= 0 && iy + kRows <= shape.h;
    for (int64_t t = i; t < i + count; ++t) {
      const int64_t ix = (place + t - i) * tiles.width - shape.pad_left;
      if (whole && ix >= 0 && ix + kColumns <= shape.w) {
        for_channels(shape.c, true, [&](auto d, int64_t channel) HWY_ATTR {
          transform_tile<kRows, kColumns>(d, pixels.rows, ix * pixels.step + channel, pixels.step,
                                          out + t * tile_stride + channel, plane_stride);
        });
      } else {
        for_channels(shape.c, true, [&](auto d, int64_t channel) HWY_ATTR {
          transform_edge_tile<kRows, kColumns>(d, pixels, ix, channel,
                                               out + t * tile_stride + channel, plane_stride);
        });
      }
    }
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

using Input = void (*)(const WinogradTiles&, const float*, int64_t, int64_t, float*, int64_t,
                       int64_t);

template <int kSize>
Input input_of(const WinogradTiles& tiles) {
  if (tiles.rows == 1) return DRAWBAR_SIMD_FOR(tiles.isa, input<1, kSize>);
  if (tiles.columns == 1) return DRAWBAR_SIMD_FOR(tiles.isa, input<kSize, 1>);
  if constexpr (kSize < 10) return DRAWBAR_SIMD_FOR(tiles.isa, input<kSize, kSize>);
  return nullptr;
}

}  // namespace

void winograd_input(const WinogradTiles& tiles, const float* x, int64_t begin, int64_t end,
                    float* out, int64_t tile_stride, int64_t plane_stride) {
  const int size = std::max(tiles.rows, tiles.columns);
  const Input transform = size == 4   ? input_of<4>(tiles)
                          : size == 6 ? input_of<6>(tiles)
                          : size == 8 ? input_of<8>(tiles)
                                      : input_of<10>(tiles);
  transform(tiles, x, begin, end, out, tile_stride, plane_stride);
}

}  // namespace drawbar::cpu
#endif

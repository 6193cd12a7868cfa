// The transforms of F(m, r) by Toom and Cook's interpolation along the sides of a tile, vectorised
// over channels. A side has m + r − 1 = 4, 6, 8 or 10 positions: the points 0, ±1 (4), ±2 (6), ±1/2
// (8), ±3/2 (10), and infinity; or 1, which is left as it is. Only the number of points matters for
// the input. The weights' side is in winograd_weights.cc.
#include "ops/conv/kernels/winograd_transform.h"

#include <algorithm>
#include <array>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv/kernels/winograd_transform.cc"
#include "targets/cpu/simd.h"
// After simd.h, which sets up the instruction set.
#include "targets/cpu/gemm/activation-inl.h"

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

/// 1, 2, 1/2 or 3/2 (the pairs of points ±1, ±2, ±1/2, ±3/2) to the power k.
constexpr float point_power(int pair, int k) {
  float power = 1;
  for (int i = 0; i < k; ++i)
    power *= pair == 0 ? 1.0f : pair == 1 ? 2.0f : pair == 2 ? 0.5f : 1.5f;
  return power;
}

/// Output k of a line, from the sums (k even) or differences (k odd) of the pairs.
template <int kPairs, int k, class D>
HWY_INLINE Vec<D> weighted(D d, const Vec<D>* terms) {
  Vec<D> sum = terms[0];
  if constexpr (kPairs > 1) sum = hn::MulAdd(hn::Set(d, point_power(1, k)), terms[1], sum);
  if constexpr (kPairs > 2) sum = hn::MulAdd(hn::Set(d, point_power(2, k)), terms[2], sum);
  if constexpr (kPairs > 3) sum = hn::MulAdd(hn::Set(d, point_power(3, k)), terms[3], sum);
  return sum;
}

/// Aᵀ · m for one column or row of kSize values: row k has the points to the power k.
template <int kSize, int kTile, int k = 0, class D>
HWY_INLINE void transform_output_line(D d, const Vec<D>* in, const Vec<D>* sums,
                                      const Vec<D>* differences, Vec<D>* out) {
  constexpr int kPairs = kSize / 2 - 1;
  if constexpr (k < kTile) {
    out[k] = weighted<kPairs, k>(d, k % 2 == 0 ? sums : differences);
    if constexpr (k == 0) out[k] = hn::Add(out[k], in[0]);
    if constexpr (k == kTile - 1) out[k] = hn::Add(out[k], in[kSize - 1]);
    transform_output_line<kSize, kTile, k + 1>(d, in, sums, differences, out);
  }
}
template <int kSize, int kTile, class D>
HWY_INLINE void transform_output_line(D d, const Vec<D>* in, Vec<D>* out) {
  if constexpr (kSize == 1) {
    out[0] = in[0];
  } else {
    Vec<D> sums[kSize / 2 - 1], differences[kSize / 2 - 1];
    for (int pair = 0; pair < kSize / 2 - 1; ++pair) {
      sums[pair] = hn::Add(in[1 + 2 * pair], in[2 + 2 * pair]);
      differences[pair] = hn::Sub(in[1 + 2 * pair], in[2 + 2 * pair]);
    }
    transform_output_line<kSize, kTile>(d, in, sums, differences, out);
  }
}

/// The pixels under a row of tiles.
template <int kSize>
struct PixelRows {
  const float* rows[kSize];  // null outside the image
  const float* zeros;
  int64_t width, step;

  const float* at(int row, int64_t column) const {
    const bool inside = rows[row] != nullptr && column >= 0 && column < width;
    return inside ? rows[row] + column * step : zeros;
  }
};

/// One vector of channels of one tile, from the addresses of its pixels.
template <int kRows, int kColumns, class D>
HWY_INLINE void input_tile(D d, const float* const* pixels, int64_t channel, float* out,
                           int64_t plane_stride) {
  Vec<D> columns[kColumns][kRows];  // [column][row]
  for (int j = 0; j < kColumns; ++j) {
    Vec<D> in[kRows];
    for (int i = 0; i < kRows; ++i) in[i] = hn::LoadU(d, pixels[i * kColumns + j] + channel);
    transform_input_line<kRows>(d, in, columns[j]);
  }
  for (int i = 0; i < kRows; ++i) {
    Vec<D> in[kColumns], result[kColumns];
    for (int j = 0; j < kColumns; ++j) in[j] = columns[j][i];
    transform_input_line<kColumns>(d, in, result);
    for (int j = 0; j < kColumns; ++j)
      hn::StoreU(result[j], d, out + (i * kColumns + j) * plane_stride);
  }
}

/// One vector of channels of `count` neighbouring tiles, the first at column `ix`, that overlap by
/// half or more: columns that are transformed already are kept in a ring.
template <int kSize, class D>
HWY_INLINE void input_line(D d, const PixelRows<kSize>& pixels, int64_t channel, int64_t ix,
                           int64_t tile, int64_t count, float* out, int64_t tile_stride,
                           int64_t plane_stride) {
  Vec<D> ring[kSize][kSize];  // [column][row]
  int64_t first = 0;          // where in the ring the tile's first column is
  for (int64_t t = 0; t < count; ++t, ix += tile, first = (first + tile) % kSize) {
    for (int64_t j = t == 0 ? 0 : kSize - tile; j < kSize; ++j) {
      Vec<D> in[kSize];
      for (int r = 0; r < kSize; ++r) in[r] = hn::LoadU(d, pixels.at(r, ix + j) + channel);
      transform_input_line<kSize>(d, in, ring[(first + j) % kSize]);
    }
    for (int i = 0; i < kSize; ++i) {
      Vec<D> in[kSize], result[kSize];
      for (int j = 0; j < kSize; ++j) in[j] = ring[(first + j) % kSize][i];
      transform_input_line<kSize>(d, in, result);
      for (int j = 0; j < kSize; ++j) {
        hn::StoreU(result[j], d, out + t * tile_stride + (i * kSize + j) * plane_stride + channel);
      }
    }
  }
}

/// f(tag, channel) for every vector of channels; some twice where that is harmless, rather than one
/// at a time.
template <class F>
HWY_INLINE void for_channels(int64_t channels, bool repeatable, const F& f) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> d1;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t channel = 0;
  for (; channel + lanes <= channels; channel += lanes) f(d, channel);
  if (repeatable && channel < channels && channels >= lanes) {
    f(d, channels - lanes);
    return;
  }
  for (; channel < channels; ++channel) f(d1, channel);
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
    const int64_t ix = place * tiles.width - shape.pad_left;
    count = std::min(end - i, tiles.tiles_x - place);
    PixelRows<kRows> pixels;
    pixels.width = shape.w;
    pixels.step = shape.x_pixel_stride;
    pixels.zeros = tiles.zeros;
    for (int64_t r = 0; r < kRows; ++r) {
      const bool inside = iy + r >= 0 && iy + r < shape.h;
      pixels.rows[r] =
          inside ? x + (image * shape.h + iy + r) * shape.w * shape.x_pixel_stride : nullptr;
    }
    if constexpr (kRows == kColumns) {
      if (2 * tiles.width <= kColumns) {
        for_channels(shape.c, true, [&](auto d, int64_t channel) HWY_ATTR {
          input_line<kColumns>(d, pixels, channel, ix, tiles.width, count, out + i * tile_stride,
                               tile_stride, plane_stride);
        });
        continue;
      }
    }
    for (int64_t t = 0; t < count; ++t) {
      const float* list[kRows * kColumns];
      for (int r = 0; r < kRows; ++r) {
        for (int j = 0; j < kColumns; ++j)
          list[r * kColumns + j] = pixels.at(r, ix + t * tiles.width + j);
      }
      for_channels(shape.c, true, [&](auto d, int64_t channel) HWY_ATTR {
        input_tile<kRows, kColumns>(d, list, channel, out + (i + t) * tile_stride + channel,
                                    plane_stride);
      });
    }
  }
}

/// Where an output tile goes.
struct Target {
  float* y;
  const float* residual;  // or null
  int64_t rows, columns;  // inside the image
  int64_t y_row, residual_row;
};

template <int kRows, int kColumns, int kHeight, int kWidth, class D>
HWY_INLINE void output_tile(D d, const float* in, int64_t plane_stride, const ConvShape& shape,
                            const Epilogue& e, const Target& target, int64_t channel) {
  Vec<D> columns[kColumns][kHeight];  // [column][row]
  for (int j = 0; j < kColumns; ++j) {
    Vec<D> from[kRows];
    for (int i = 0; i < kRows; ++i) {
      from[i] = hn::LoadU(d, in + (i * kColumns + j) * plane_stride + channel);
    }
    transform_output_line<kRows, kHeight>(d, from, columns[j]);
  }
  const auto bias = e.bias != nullptr ? hn::LoadU(d, e.bias + channel) : hn::Zero(d);
  for (int i = 0; i < kHeight; ++i) {
    if (i >= target.rows) break;
    Vec<D> from[kColumns], result[kWidth];
    for (int j = 0; j < kColumns; ++j) from[j] = columns[j][i];
    transform_output_line<kColumns, kWidth>(d, from, result);
    for (int j = 0; j < kWidth; ++j) {
      if (j >= target.columns) break;
      float* y = target.y + i * target.y_row + j * shape.y_pixel_stride + channel;
      auto v = hn::Add(result[j], bias);
      if (e.accumulate) v = hn::Add(v, hn::LoadU(d, y));
      if (target.residual != nullptr) {
        v = hn::Add(v, hn::LoadU(d, target.residual + i * target.residual_row + j * e.residual_ld +
                                        channel));
      }
      hn::StoreU(activate(d, v, e.activation, e.alpha, e.beta), d, y);
    }
  }
}

template <int kRows, int kColumns, int kHeight, int kWidth>
void output(const WinogradTiles& tiles, const float* in, int64_t plane_stride, int64_t begin,
            int64_t end, const Epilogue& e, float* y) {
  const ConvShape& shape = *tiles.shape;
  const bool repeatable = !e.accumulate && e.residual == nullptr;  // y is only written
  for (int64_t i = begin; i < end; ++i) {
    const int64_t tile = tiles.first + i;
    const int64_t line = tile / tiles.tiles_x;
    const int64_t image = line / tiles.tiles_y;
    const int64_t oy = line % tiles.tiles_y * kHeight;
    const int64_t ox = tile % tiles.tiles_x * kWidth;
    const int64_t pixel = (image * shape.oh + oy) * shape.ow + ox;
    Target target{};
    target.y = y + pixel * shape.y_pixel_stride;
    target.residual = e.residual != nullptr ? e.residual + pixel * e.residual_ld : nullptr;
    target.rows = shape.oh - oy;
    target.columns = shape.ow - ox;
    target.y_row = shape.ow * shape.y_pixel_stride;
    target.residual_row = shape.ow * e.residual_ld;
    const float* from = in + i * shape.m;
    for_channels(shape.m, repeatable, [&](auto d, int64_t channel) HWY_ATTR {
      output_tile<kRows, kColumns, kHeight, kWidth>(d, from, plane_stride, shape, e, target,
                                                    channel);
    });
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

using Input = void (*)(const WinogradTiles&, const float*, int64_t, int64_t, float*, int64_t,
                       int64_t);
using Output = void (*)(const WinogradTiles&, const float*, int64_t, int64_t, int64_t,
                        const Epilogue&, float*);

template <int kSize>
Input input_of(const WinogradTiles& tiles) {
  if (tiles.rows == 1) return DRAWBAR_SIMD_FOR(tiles.isa, input<1, kSize>);
  if (tiles.columns == 1) return DRAWBAR_SIMD_FOR(tiles.isa, input<kSize, 1>);
  if constexpr (kSize < 10) return DRAWBAR_SIMD_FOR(tiles.isa, input<kSize, kSize>);
  return nullptr;
}

template <int kSize, int kTile>
Output output_of(const WinogradTiles& tiles) {
  if (tiles.rows == 1) return DRAWBAR_SIMD_FOR(tiles.isa, output<1, kSize, 1, kTile>);
  if (tiles.columns == 1) return DRAWBAR_SIMD_FOR(tiles.isa, output<kSize, 1, kTile, 1>);
  if constexpr (kSize < 10) return DRAWBAR_SIMD_FOR(tiles.isa, output<kSize, kSize, kTile, kTile>);
  return nullptr;
}

Output output_of(const WinogradTiles& tiles) {
  switch (std::max(tiles.rows, tiles.columns) * 10 + std::max(tiles.height, tiles.width)) {
    case 42:
      return output_of<4, 2>(tiles);
    case 62:
      return output_of<6, 2>(tiles);
    case 64:
      return output_of<6, 4>(tiles);
    case 82:
      return output_of<8, 2>(tiles);
    case 84:
      return output_of<8, 4>(tiles);
    case 86:
      return output_of<8, 6>(tiles);
    default:
      return output_of<10, 4>(tiles);
  }
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

void winograd_output(const WinogradTiles& tiles, const float* in, int64_t plane_stride,
                     int64_t begin, int64_t end, const Epilogue& epilogue, float* y) {
  output_of(tiles)(tiles, in, plane_stride, begin, end, epilogue, y);
}

}  // namespace drawbar::cpu
#endif

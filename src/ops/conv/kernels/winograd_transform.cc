// The transforms of F(m × m, r × r) by Toom and Cook's interpolation, vectorised over channels. A
// transformed tile has m + r − 1 = 4, 6 or 8 positions a side: the points 0, ±1 (4), ±2 (6), ±1/2
// (8), and infinity. Only the number of points matters for the input and the weights' scales.
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
  if constexpr (kSize == 4) {
    out[0] = hn::Sub(in[0], in[2]);
    both(1, in[2], in[1]);
    out[3] = hn::Sub(in[3], in[1]);
  } else if constexpr (kSize == 6) {
    out[0] = plus(plus(in[4], -5, in[2]), 4, in[0]);
    both(1, plus(in[4], -4, in[2]), plus(in[3], -4, in[1]));
    both(3, hn::Sub(in[4], in[2]), times(2, hn::Sub(in[3], in[1])));
    out[5] = plus(plus(in[5], -5, in[3]), 4, in[1]);
  } else {
    out[0] = plus(hn::Sub(in[0], in[6]), 5.25f, hn::Sub(in[4], in[2]));
    both(1, plus(hn::Add(in[2], in[6]), -4.25f, in[4]), plus(hn::Add(in[1], in[5]), -4.25f, in[3]));
    both(3, plus(plus(in[6], 0.25f, in[2]), -1.25f, in[4]),
         plus(plus(times(0.5f, in[1]), -2.5f, in[3]), 2, in[5]));
    both(5, plus(plus(in[6], 4, in[2]), -5, in[4]),
         plus(plus(times(2, in[1]), -2.5f, in[3]), 0.5f, in[5]));
    out[7] = plus(hn::Sub(in[7], in[1]), 5.25f, hn::Sub(in[3], in[5]));
  }
}

/// 1, 2 or 1/2 (the pairs of points ±1, ±2, ±1/2) to the power k.
constexpr float point_power(int pair, int k) {
  float power = 1;
  for (int i = 0; i < k; ++i) power *= pair == 0 ? 1.0f : pair == 1 ? 2.0f : 0.5f;
  return power;
}

/// Output k of a line, from the sums (k even) or differences (k odd) of the pairs.
template <int kPairs, int k, class D>
HWY_INLINE Vec<D> weighted(D d, const Vec<D>* terms) {
  Vec<D> sum = terms[0];
  if constexpr (kPairs > 1) sum = hn::MulAdd(hn::Set(d, point_power(1, k)), terms[1], sum);
  if constexpr (kPairs > 2) sum = hn::MulAdd(hn::Set(d, point_power(2, k)), terms[2], sum);
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
  Vec<D> sums[kSize / 2 - 1], differences[kSize / 2 - 1];
  for (int pair = 0; pair < kSize / 2 - 1; ++pair) {
    sums[pair] = hn::Add(in[1 + 2 * pair], in[2 + 2 * pair]);
    differences[pair] = hn::Sub(in[1 + 2 * pair], in[2 + 2 * pair]);
  }
  transform_output_line<kSize, kTile>(d, in, sums, differences, out);
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
template <int kSize, class D>
HWY_INLINE void input_tile(D d, const float* const* pixels, int64_t channel, float* out,
                           int64_t plane_stride) {
  Vec<D> columns[kSize][kSize];  // [column][row]
  for (int j = 0; j < kSize; ++j) {
    Vec<D> in[kSize];
    for (int i = 0; i < kSize; ++i) in[i] = hn::LoadU(d, pixels[i * kSize + j] + channel);
    transform_input_line<kSize>(d, in, columns[j]);
  }
  for (int i = 0; i < kSize; ++i) {
    Vec<D> in[kSize], result[kSize];
    for (int j = 0; j < kSize; ++j) in[j] = columns[j][i];
    transform_input_line<kSize>(d, in, result);
    for (int j = 0; j < kSize; ++j) hn::StoreU(result[j], d, out + (i * kSize + j) * plane_stride);
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

template <int kSize>
void input(const WinogradTiles& tiles, const float* x, int64_t begin, int64_t end, float* out,
           int64_t tile_stride, int64_t plane_stride) {
  const ConvShape& shape = *tiles.shape;
  for (int64_t i = begin, count = 0; i < end; i += count) {
    const int64_t line = (tiles.first + i) / tiles.tiles_x;
    const int64_t place = (tiles.first + i) % tiles.tiles_x;
    const int64_t image = line / tiles.tiles_y;
    const int64_t iy = line % tiles.tiles_y * tiles.tile - shape.pad_top;
    const int64_t ix = place * tiles.tile - shape.pad_left;
    count = std::min(end - i, tiles.tiles_x - place);
    PixelRows<kSize> pixels;
    pixels.width = shape.w;
    pixels.step = shape.x_pixel_stride;
    pixels.zeros = tiles.zeros;
    for (int64_t r = 0; r < kSize; ++r) {
      const bool inside = iy + r >= 0 && iy + r < shape.h;
      pixels.rows[r] =
          inside ? x + (image * shape.h + iy + r) * shape.w * shape.x_pixel_stride : nullptr;
    }
    if (2 * tiles.tile <= kSize) {
      for_channels(shape.c, true, [&](auto d, int64_t channel) HWY_ATTR {
        input_line<kSize>(d, pixels, channel, ix, tiles.tile, count, out + i * tile_stride,
                          tile_stride, plane_stride);
      });
      continue;
    }
    for (int64_t t = 0; t < count; ++t) {
      const float* list[kSize * kSize];
      for (int r = 0; r < kSize; ++r) {
        for (int j = 0; j < kSize; ++j) list[r * kSize + j] = pixels.at(r, ix + t * tiles.tile + j);
      }
      for_channels(shape.c, true, [&](auto d, int64_t channel) HWY_ATTR {
        input_tile<kSize>(d, list, channel, out + (i + t) * tile_stride + channel, plane_stride);
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

template <int kSize, int kTile, class D>
HWY_INLINE void output_tile(D d, const float* in, int64_t plane_stride, const ConvShape& shape,
                            const Epilogue& e, const Target& target, int64_t channel) {
  Vec<D> columns[kSize][kTile];  // [column][row]
  for (int j = 0; j < kSize; ++j) {
    Vec<D> from[kSize];
    for (int i = 0; i < kSize; ++i) {
      from[i] = hn::LoadU(d, in + (i * kSize + j) * plane_stride + channel);
    }
    transform_output_line<kSize, kTile>(d, from, columns[j]);
  }
  const auto bias = e.bias != nullptr ? hn::LoadU(d, e.bias + channel) : hn::Zero(d);
  for (int i = 0; i < kTile; ++i) {
    if (i >= target.rows) break;
    Vec<D> from[kSize], result[kTile];
    for (int j = 0; j < kSize; ++j) from[j] = columns[j][i];
    transform_output_line<kSize, kTile>(d, from, result);
    for (int j = 0; j < kTile; ++j) {
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

template <int kSize, int kTile>
void output(const WinogradTiles& tiles, const float* in, int64_t plane_stride, int64_t begin,
            int64_t end, const Epilogue& e, float* y) {
  const ConvShape& shape = *tiles.shape;
  const bool repeatable = !e.accumulate && e.residual == nullptr;  // y is only written
  for (int64_t i = begin; i < end; ++i) {
    const int64_t tile = tiles.first + i;
    const int64_t line = tile / tiles.tiles_x;
    const int64_t image = line / tiles.tiles_y;
    const int64_t oy = line % tiles.tiles_y * kTile;
    const int64_t ox = tile % tiles.tiles_x * kTile;
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
      output_tile<kSize, kTile>(d, from, plane_stride, shape, e, target, channel);
    });
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

void winograd_weights(int tile, int taps, const float* filter, float* out, int64_t stride) {
  static constexpr double kPoints[] = {0, 1, -1, 2, -2, 0.5, -0.5};
  // What the rows of Bᵀ are short of the interpolation's.
  static constexpr double kScales[3][7] = {
      {1, 1.0 / 2, 1.0 / 2},
      {1.0 / 4, -1.0 / 6, -1.0 / 6, 1.0 / 24, 1.0 / 24},
      {1, -2.0 / 9, -2.0 / 9, 1.0 / 90, 1.0 / 90, 32.0 / 45, 32.0 / 45}};
  const int size = tile + taps - 1;
  double g[8][7];  // G: row i has the powers of point i, scaled; the last the highest power alone
  for (int i = 0; i + 1 < size; ++i) {
    g[i][0] = kScales[size / 2 - 2][i];
    for (int j = 1; j < taps; ++j) g[i][j] = g[i][j - 1] * kPoints[i];
  }
  for (int j = 0; j < taps; ++j) g[size - 1][j] = j + 1 == taps ? 1 : 0;
  for (int i = 0; i < size; ++i) {
    double row[7] = {};  // (G · filter)[i]
    for (int s = 0; s < taps; ++s) {
      for (int r = 0; r < taps; ++r) row[s] += g[i][r] * filter[r * taps + s];
    }
    for (int j = 0; j < size; ++j) {
      double value = 0;
      for (int s = 0; s < taps; ++s) value += row[s] * g[j][s];
      out[(i * size + j) * stride] = static_cast<float>(value);
    }
  }
}

void winograd_input(const WinogradTiles& tiles, const float* x, int64_t begin, int64_t end,
                    float* out, int64_t tile_stride, int64_t plane_stride) {
  const auto transform = tiles.size == 4   ? DRAWBAR_SIMD_FOR(tiles.isa, input<4>)
                         : tiles.size == 6 ? DRAWBAR_SIMD_FOR(tiles.isa, input<6>)
                                           : DRAWBAR_SIMD_FOR(tiles.isa, input<8>);
  transform(tiles, x, begin, end, out, tile_stride, plane_stride);
}

namespace {

using Output = void (*)(const WinogradTiles&, const float*, int64_t, int64_t, int64_t,
                        const Epilogue&, float*);

Output output_transform(const WinogradTiles& tiles) {
  const Isa isa = tiles.isa;
  switch (tiles.size * 10 + tiles.tile) {
    case 42:
      return DRAWBAR_SIMD_FOR(isa, output<4, 2>);
    case 62:
      return DRAWBAR_SIMD_FOR(isa, output<6, 2>);
    case 64:
      return DRAWBAR_SIMD_FOR(isa, output<6, 4>);
    case 82:
      return DRAWBAR_SIMD_FOR(isa, output<8, 2>);
    case 84:
      return DRAWBAR_SIMD_FOR(isa, output<8, 4>);
    default:
      return DRAWBAR_SIMD_FOR(isa, output<8, 6>);
  }
}

}  // namespace

void winograd_output(const WinogradTiles& tiles, const float* in, int64_t plane_stride,
                     int64_t begin, int64_t end, const Epilogue& epilogue, float* y) {
  output_transform(tiles)(tiles, in, plane_stride, begin, end, epilogue, y);
}

}  // namespace drawbar::cpu
#endif

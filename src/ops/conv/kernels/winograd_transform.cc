// The transforms of F(2 × 2, 3 × 3) and F(4 × 4, 3 × 3) in Lavin and Gray's matrices (points 0, ±1,
// ±2 and infinity), vectorised over channels.
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

/// Bᵀ · d for one column or row of kTile + 2 values.
template <int kTile, class D>
HWY_INLINE void transform_input_line(D d, const Vec<D>* in, Vec<D>* out) {
  if constexpr (kTile == 2) {
    out[0] = hn::Sub(in[0], in[2]);
    out[1] = hn::Add(in[1], in[2]);
    out[2] = hn::Sub(in[2], in[1]);
    out[3] = hn::Sub(in[1], in[3]);
  } else {
    const auto two = hn::Set(d, 2.0f);
    const auto four = hn::Set(d, 4.0f);
    const auto five = hn::Set(d, 5.0f);
    const auto a = hn::NegMulAdd(four, in[2], in[4]);  // d4 − 4 d2
    const auto b = hn::NegMulAdd(four, in[1], in[3]);  // d3 − 4 d1
    const auto p = hn::Sub(in[4], in[2]);
    const auto q = hn::Mul(two, hn::Sub(in[3], in[1]));
    out[0] = hn::MulAdd(four, in[0], hn::NegMulAdd(five, in[2], in[4]));
    out[1] = hn::Add(a, b);
    out[2] = hn::Sub(a, b);
    out[3] = hn::Add(p, q);
    out[4] = hn::Sub(p, q);
    out[5] = hn::MulAdd(four, in[1], hn::NegMulAdd(five, in[3], in[5]));
  }
}

/// Aᵀ · m for one column or row of kTile + 2 values.
template <int kTile, class D>
HWY_INLINE void transform_output_line(D d, const Vec<D>* in, Vec<D>* out) {
  const auto s = hn::Add(in[1], in[2]);
  const auto t = hn::Sub(in[1], in[2]);
  if constexpr (kTile == 2) {
    out[0] = hn::Add(in[0], s);
    out[1] = hn::Sub(t, in[3]);
  } else {
    const auto u = hn::Add(in[3], in[4]);
    const auto v = hn::Sub(in[3], in[4]);
    out[0] = hn::Add(in[0], hn::Add(s, u));
    out[1] = hn::MulAdd(hn::Set(d, 2.0f), v, t);
    out[2] = hn::MulAdd(hn::Set(d, 4.0f), u, s);
    out[3] = hn::Add(hn::MulAdd(hn::Set(d, 8.0f), v, t), in[5]);
  }
}

/// One vector of channels of one tile, from the addresses of its pixels.
template <int kTile, class D>
HWY_INLINE void input_tile(D d, const float* const* pixels, int64_t channel, float* out,
                           int64_t plane_stride) {
  constexpr int kSize = kTile + 2;
  Vec<D> columns[kSize][kSize];  // [column][row]
  for (int j = 0; j < kSize; ++j) {
    Vec<D> in[kSize];
    for (int i = 0; i < kSize; ++i) {
      in[i] = hn::LoadU(d, pixels[i * kSize + j] + channel);
    }
    transform_input_line<kTile>(d, in, columns[j]);
  }
  for (int i = 0; i < kSize; ++i) {
    Vec<D> in[kSize], result[kSize];
    for (int j = 0; j < kSize; ++j) in[j] = columns[j][i];
    transform_input_line<kTile>(d, in, result);
    for (int j = 0; j < kSize; ++j) {
      hn::StoreU(result[j], d, out + (i * kSize + j) * plane_stride);
    }
  }
}

template <int kTile>
void input(const WinogradTiles& tiles, const float* x, int64_t begin, int64_t end, float* out,
           int64_t plane_stride) {
  constexpr int kSize = kTile + 2;
  const ConvShape& shape = *tiles.shape;
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> d1;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = begin; i < end; ++i) {
    const int64_t tile = tiles.first + i;
    const int64_t line = tile / tiles.tiles_x;
    const int64_t image = line / tiles.tiles_y;
    const int64_t iy = line % tiles.tiles_y * kTile - shape.pad_top;
    const int64_t ix = tile % tiles.tiles_x * kTile - shape.pad_left;
    const float* pixels[kSize * kSize];
    for (int64_t r = 0; r < kSize; ++r) {
      for (int64_t s = 0; s < kSize; ++s) {
        const bool inside = iy + r >= 0 && iy + r < shape.h && ix + s >= 0 && ix + s < shape.w;
        pixels[r * kSize + s] =
            inside ? x + ((image * shape.h + iy + r) * shape.w + ix + s) * shape.x_pixel_stride
                   : tiles.zeros;
      }
    }
    float* to = out + i * shape.c;
    int64_t channel = 0;
    for (; channel + lanes <= shape.c; channel += lanes) {
      input_tile<kTile>(d, pixels, channel, to + channel, plane_stride);
    }
    for (; channel < shape.c; ++channel) {
      input_tile<kTile>(d1, pixels, channel, to + channel, plane_stride);
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

template <int kTile, class D>
HWY_INLINE void output_tile(D d, const float* in, int64_t plane_stride, const ConvShape& shape,
                            const Epilogue& e, const Target& target, int64_t channel) {
  constexpr int kSize = kTile + 2;
  Vec<D> columns[kSize][kTile];  // [column][row]
  for (int j = 0; j < kSize; ++j) {
    Vec<D> from[kSize];
    for (int i = 0; i < kSize; ++i) {
      from[i] = hn::LoadU(d, in + (i * kSize + j) * plane_stride + channel);
    }
    transform_output_line<kTile>(d, from, columns[j]);
  }
  const auto bias = e.bias != nullptr ? hn::LoadU(d, e.bias + channel) : hn::Zero(d);
  for (int i = 0; i < kTile; ++i) {
    if (i >= target.rows) break;
    Vec<D> from[kSize], result[kTile];
    for (int j = 0; j < kSize; ++j) from[j] = columns[j][i];
    transform_output_line<kTile>(d, from, result);
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

template <int kTile>
void output(const WinogradTiles& tiles, const float* in, int64_t plane_stride, int64_t begin,
            int64_t end, const Epilogue& e, float* y) {
  const ConvShape& shape = *tiles.shape;
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> d1;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
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
    int64_t channel = 0;
    for (; channel + lanes <= shape.m; channel += lanes) {
      output_tile<kTile>(d, from, plane_stride, shape, e, target, channel);
    }
    for (; channel < shape.m; ++channel) {
      output_tile<kTile>(d1, from, plane_stride, shape, e, target, channel);
    }
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

void winograd_weights(int tile, const float* filter, float* out, int64_t stride) {
  // G of Lavin and Gray: rows are the positions of the transformed tile.
  static constexpr double kG2[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
  static constexpr double kG4[6][3] = {{1.0 / 4, 0, 0},
                                       {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                       {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                       {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                       {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                       {0, 0, 1}};
  const double(*g)[3] = tile == 2 ? kG2 : kG4;
  const int size = tile + 2;
  for (int i = 0; i < size; ++i) {
    double row[3];  // (G · filter)[i]
    for (int s = 0; s < 3; ++s) {
      row[s] = g[i][0] * filter[s] + g[i][1] * filter[3 + s] + g[i][2] * filter[6 + s];
    }
    for (int j = 0; j < size; ++j) {
      const double value = row[0] * g[j][0] + row[1] * g[j][1] + row[2] * g[j][2];
      out[(i * size + j) * stride] = static_cast<float>(value);
    }
  }
}

void winograd_input(const WinogradTiles& tiles, const float* x, int64_t begin, int64_t end,
                    float* out, int64_t plane_stride) {
  const auto transform = tiles.tile == 2 ? DRAWBAR_SIMD_FOR(tiles.isa, input<2>)
                                         : DRAWBAR_SIMD_FOR(tiles.isa, input<4>);
  transform(tiles, x, begin, end, out, plane_stride);
}

void winograd_output(const WinogradTiles& tiles, const float* in, int64_t plane_stride,
                     int64_t begin, int64_t end, const Epilogue& epilogue, float* y) {
  const auto transform = tiles.tile == 2 ? DRAWBAR_SIMD_FOR(tiles.isa, output<2>)
                                         : DRAWBAR_SIMD_FOR(tiles.isa, output<4>);
  transform(tiles, in, plane_stride, begin, end, epilogue, y);
}

}  // namespace drawbar::cpu
#endif

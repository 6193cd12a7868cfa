// The weights' side of Winograd's transforms (winograd_transform.h): ahead, filter by filter in
// double precision, or while running, vectorised over output channels.
#include "ops/conv/kernels/winograd_transform.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv/kernels/winograd_weights.cc"
#include "targets/cpu/simd.h"

#ifndef DRAWBAR_WINOGRAD_POINTS
#define DRAWBAR_WINOGRAD_POINTS
namespace drawbar::cpu {

/// The points of a side, zero first, and what the rows of Bᵀ are short of the interpolation's.
constexpr double kPoints[] = {0, 1, -1, 2, -2, 0.5, -0.5, 1.5, -1.5};
constexpr double kScales[4][9] = {{1, 1.0 / 2, 1.0 / 2},
                                  {1.0 / 4, -1.0 / 6, -1.0 / 6, 1.0 / 24, 1.0 / 24},
                                  {1, -2.0 / 9, -2.0 / 9, 1.0 / 90, 1.0 / 90, 32.0 / 45, 32.0 / 45},
                                  {4.0 / 9, 8.0 / 45, 8.0 / 45, 2.0 / 315, 2.0 / 315, -16.0 / 45,
                                   -16.0 / 45, -16.0 / 315, -16.0 / 315}};

}  // namespace drawbar::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// G · g for three taps and kSize positions: a point and its negative share the even and odd parts.
template <int kSize, class D>
HWY_INLINE void transform_weight_line(D d, const hn::Vec<D>* g, hn::Vec<D>* out) {
  out[0] = hn::Mul(hn::Set(d, static_cast<float>(kScales[kSize / 2 - 2][0])), g[0]);
  for (int i = 1; i + 1 < kSize; i += 2) {
    const double scale = kScales[kSize / 2 - 2][i], point = kPoints[i];
    const auto even = hn::MulAdd(hn::Set(d, static_cast<float>(scale * point * point)), g[2],
                                 hn::Mul(hn::Set(d, static_cast<float>(scale)), g[0]));
    const auto factor = hn::Set(d, static_cast<float>(scale * point));
    out[i] = hn::MulAdd(factor, g[1], even);
    out[i + 1] = hn::NegMulAdd(factor, g[1], even);
  }
  out[kSize - 1] = g[2];
}

template <int kSize>
void weight_panels(const float* filters, int64_t channels, int64_t columns, int64_t panel,
                   float* out, int64_t plane_stride) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t channel = 0; channel < channels; ++channel) {
    for (int64_t column = 0; column < columns; column += lanes) {
      const float* from = filters + channel * 9 * columns + column;
      hn::Vec<decltype(d)> halfway[3][kSize];  // [column of the filter][row of the tile]
      for (int s = 0; s < 3; ++s) {
        hn::Vec<decltype(d)> taps[3];
        for (int r = 0; r < 3; ++r) taps[r] = hn::LoadU(d, from + (r * 3 + s) * columns);
        transform_weight_line<kSize>(d, taps, halfway[s]);
      }
      float* to = out + column / panel * channels * panel + channel * panel + column % panel;
      for (int i = 0; i < kSize; ++i) {
        const hn::Vec<decltype(d)> row[3] = {halfway[0][i], halfway[1][i], halfway[2][i]};
        hn::Vec<decltype(d)> result[kSize];
        transform_weight_line<kSize>(d, row, result);
        for (int j = 0; j < kSize; ++j)
          hn::StoreU(result[j], d, to + (i * kSize + j) * plane_stride);
      }
    }
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

/// G of a side: row i has the powers of point i, scaled; the last one the highest power alone.
struct WeightTransform {
  WeightTransform(int size, int64_t taps) {
    for (int i = 0; i + 1 < size; ++i) {
      rows[i][0] = kScales[size / 2 - 2][i];
      for (int64_t j = 1; j < taps; ++j) rows[i][j] = rows[i][j - 1] * kPoints[i];
    }
    rows[size - 1][taps - 1] = 1;
  }

  double rows[10][7] = {};
};

}  // namespace

void winograd_weights(const WinogradTiles& tiles, const float* filters, float* out,
                      int64_t channel_stride, int64_t plane_stride) {
  const int64_t kh = tiles.shape->kh, kw = tiles.shape->kw;
  const WeightTransform down(tiles.rows, kh), across(tiles.columns, kw);
  for (int64_t c = 0; c < tiles.shape->c; ++c, filters += kh * kw, out += channel_stride) {
    for (int i = 0; i < tiles.rows; ++i) {
      double row[7] = {};  // (G · filter)[i]
      for (int64_t s = 0; s < kw; ++s) {
        for (int64_t r = 0; r < kh; ++r) row[s] += down.rows[i][r] * filters[r * kw + s];
      }
      for (int j = 0; j < tiles.columns; ++j) {
        double value = 0;
        for (int64_t s = 0; s < kw; ++s) value += row[s] * across.rows[j][s];
        out[(i * tiles.columns + j) * plane_stride] = static_cast<float>(value);
      }
    }
  }
}

void winograd_weight_panels(const WinogradTiles& tiles, const float* filters, int64_t channels,
                            int64_t columns, float* out, int64_t plane_stride) {
  const auto transform = tiles.rows == 4 ? DRAWBAR_SIMD_FOR(tiles.isa, weight_panels<4>)
                                         : DRAWBAR_SIMD_FOR(tiles.isa, weight_panels<6>);
  transform(filters, channels, columns, panel_width(tiles.isa), out, plane_stride);
}

}  // namespace drawbar::cpu
#endif

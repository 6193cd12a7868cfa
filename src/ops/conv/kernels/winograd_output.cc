// The output's side of Winograd's transforms, Aᵀ · m · A with the points of winograd_input.cc,
// vectorised over channels.
#include <algorithm>
#include <limits>

#include "ops/conv/kernels/winograd_transform.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv/kernels/winograd_output.cc"
#include "targets/cpu/simd.h"
// After simd.h, which sets up the instruction set.
#include "ops/conv/kernels/winograd_channels-inl.h"
#include "targets/cpu/gemm/activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using Vec = hn::Vec<D>;

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

/// Where an output tile goes: pixel (i, j) at y + i · y_row + j · y_step.
struct Target {
  float* y;
  const float* residual;  // or null
  int64_t rows, columns;  // inside the image
  int64_t y_row, y_step, residual_row, residual_step;
};

/// What is done with a finished sum; `Plain` knows a bias and a clamp.
template <bool plain>
struct Finish {
  const Epilogue& e;
  const Target& target;

  template <class D>
  HWY_INLINE void operator()(D d, Vec<D> sum, Vec<D> bias, int64_t i, int64_t j,
                             int64_t channel) const {
    float* y = target.y + i * target.y_row + j * target.y_step + channel;
    sum = hn::Add(sum, bias);
    if constexpr (plain) {
      hn::StoreU(activate(d, sum, Activation::clamp, e.alpha, e.beta), d, y);
    } else {
      if (e.accumulate) sum = hn::Add(sum, hn::LoadU(d, y));
      if (target.residual != nullptr) {
        const int64_t at = i * target.residual_row + j * target.residual_step + channel;
        sum = hn::Add(sum, hn::LoadU(d, target.residual + at));
      }
      hn::StoreU(activate(d, sum, e.activation, e.alpha, e.beta), d, y);
    }
  }
};

/// One vector of channels of one tile: store(i, j, sum) for each of its outputs.
template <int kRows, int kColumns, int kHeight, int kWidth, class D, class Store>
HWY_INLINE void output_tile(D d, const float* in, int64_t plane_stride, const Store& store) {
  Vec<D> rows[kRows][kWidth];
  for (int i = 0; i < kRows; ++i) {
    Vec<D> from[kColumns];
    for (int j = 0; j < kColumns; ++j, in += plane_stride) {
      from[j] = hn::LoadU(d, in);
    }
    transform_output_line<kColumns, kWidth>(d, from, rows[i]);
  }
  for (int j = 0; j < kWidth; ++j) {
    Vec<D> from[kRows], result[kHeight];
    for (int i = 0; i < kRows; ++i) from[i] = rows[i][j];
    transform_output_line<kRows, kHeight>(d, from, result);
    for (int i = 0; i < kHeight; ++i) store(i, j, result[i]);
  }
}

template <int kRows, int kColumns, int kHeight, int kWidth, bool plain>
void output(const WinogradTiles& tiles, const float* in, int64_t plane_stride, int64_t begin,
            int64_t end, const Epilogue& e, float* y) {
  const ConvShape& shape = *tiles.shape;
  const bool repeatable = !e.accumulate && e.residual == nullptr;  // y is only written
  for (int64_t i = begin; i < end; ++i) {
    const auto [image, oy, ox] = tiles.place(i);
    const int64_t pixel = (image * shape.oh + oy) * shape.ow + ox;
    Target target{};
    target.y = y + pixel * shape.y_pixel_stride;
    target.residual = e.residual != nullptr ? e.residual + pixel * e.residual_ld : nullptr;
    target.rows = std::min<int64_t>(shape.oh - oy, kHeight);
    target.columns = std::min<int64_t>(shape.ow - ox, kWidth);
    target.y_row = shape.ow * shape.y_pixel_stride;
    target.y_step = shape.y_pixel_stride;
    target.residual_row = shape.ow * e.residual_ld;
    target.residual_step = e.residual_ld;
    const float* from = in + i * shape.m;
    const bool whole = target.rows == kHeight && target.columns == kWidth;
    const Finish<plain> finish{e, target};
    for_channels(shape.m, repeatable, [&](auto d, int64_t channel) HWY_ATTR {
      const auto bias = e.bias != nullptr ? hn::LoadU(d, e.bias + channel) : hn::Zero(d);
      if (whole) {
        output_tile<kRows, kColumns, kHeight, kWidth>(
            d, from + channel, plane_stride, [&](int r, int c, Vec<decltype(d)> sum) HWY_ATTR {
              finish(d, sum, bias, r, c, channel);
            });
        return;
      }
      constexpr int64_t kLanes = hn::MaxLanes(d);
      HWY_ALIGN float sums[kHeight * kWidth * kLanes];
      output_tile<kRows, kColumns, kHeight, kWidth>(
          d, from + channel, plane_stride, [&](int r, int c, Vec<decltype(d)> sum) HWY_ATTR {
            hn::Store(sum, d, sums + (r * kWidth + c) * kLanes);
          });
      for (int64_t r = 0; r < target.rows; ++r) {
        for (int64_t c = 0; c < target.columns; ++c) {
          finish(d, hn::Load(d, sums + (r * kWidth + c) * kLanes), bias, r, c, channel);
        }
      }
    });
  }
}

/// The same where the shape pools: each window of two by two lies in one tile.
template <int kSize, int kTile>
void output_pooled(const WinogradTiles& tiles, const float* in, int64_t plane_stride, int64_t begin,
                   int64_t end, const Epilogue& e, float* y) {
  const ConvShape& shape = *tiles.shape;
  for (int64_t i = begin; i < end; ++i) {
    const auto [image, oy, ox] = tiles.place(i);
    const int64_t rows = std::min<int64_t>(shape.oh - oy, kTile);
    const int64_t columns = std::min<int64_t>(shape.ow - ox, kTile);
    const int64_t pooled_rows = std::min<int64_t>(shape.pooled_h - oy / 2, kTile / 2);
    const int64_t pooled_columns = std::min<int64_t>(shape.pooled_w - ox / 2, kTile / 2);
    float* to =
        y + ((image * shape.pooled_h + oy / 2) * shape.pooled_w + ox / 2) * shape.y_pixel_stride;
    const float* from = in + i * shape.m;
    for_channels(shape.m, true, [&](auto d, int64_t channel) HWY_ATTR {
      constexpr int64_t kLanes = hn::MaxLanes(d);
      const auto bias = e.bias != nullptr ? hn::LoadU(d, e.bias + channel) : hn::Zero(d);
      HWY_ALIGN float values[kTile * kTile * kLanes];
      output_tile<kSize, kSize, kTile, kTile>(
          d, from + channel, plane_stride, [&](int r, int c, Vec<decltype(d)> sum) HWY_ATTR {
            sum = activate(d, hn::Add(sum, bias), e.activation, e.alpha, e.beta);
            hn::Store(sum, d, values + (r * kTile + c) * kLanes);
          });
      const auto at = [&](int64_t r, int64_t c)
                          HWY_ATTR { return hn::Load(d, values + (r * kTile + c) * kLanes); };
      for (int64_t r = 0; r < pooled_rows; ++r) {
        for (int64_t c = 0; c < pooled_columns; ++c) {
          const bool below = 2 * r + 1 < rows, right = 2 * c + 1 < columns;
          auto most =
              hn::Max(hn::Set(d, -std::numeric_limits<float>::infinity()), at(2 * r, 2 * c));
          if (right) most = hn::Max(most, at(2 * r, 2 * c + 1));
          if (below) most = hn::Max(most, at(2 * r + 1, 2 * c));
          if (below && right) most = hn::Max(most, at(2 * r + 1, 2 * c + 1));
          hn::StoreU(most, d, to + (r * shape.pooled_w + c) * shape.y_pixel_stride + channel);
        }
      }
    });
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

using Output = void (*)(const WinogradTiles&, const float*, int64_t, int64_t, int64_t,
                        const Epilogue&, float*);

template <int kSize, int kTile, bool plain>
Output output_for(const WinogradTiles& tiles) {
  if (tiles.rows == 1) return DRAWBAR_SIMD_FOR(tiles.isa, output<1, kSize, 1, kTile, plain>);
  if (tiles.columns == 1) return DRAWBAR_SIMD_FOR(tiles.isa, output<kSize, 1, kTile, 1, plain>);
  if constexpr (kSize < 10) {
    return DRAWBAR_SIMD_FOR(tiles.isa, output<kSize, kSize, kTile, kTile, plain>);
  }
  return nullptr;
}
template <int kSize, int kTile>
Output output_of(const WinogradTiles& tiles, bool plain) {
  if constexpr (kSize < 10) {
    if (tiles.shape->pool != 1) return DRAWBAR_SIMD_FOR(tiles.isa, output_pooled<kSize, kTile>);
  }
  return plain ? output_for<kSize, kTile, true>(tiles) : output_for<kSize, kTile, false>(tiles);
}

Output output_of(const WinogradTiles& tiles, bool plain) {
  switch (std::max(tiles.rows, tiles.columns) * 10 + std::max(tiles.height, tiles.width)) {
    case 42:
      return output_of<4, 2>(tiles, plain);
    case 62:
      return output_of<6, 2>(tiles, plain);
    case 64:
      return output_of<6, 4>(tiles, plain);
    case 82:
      return output_of<8, 2>(tiles, plain);
    case 84:
      return output_of<8, 4>(tiles, plain);
    case 86:
      return output_of<8, 6>(tiles, plain);
    default:
      return output_of<10, 4>(tiles, plain);
  }
}

}  // namespace

void winograd_output(const WinogradTiles& tiles, const float* in, int64_t plane_stride,
                     int64_t begin, int64_t end, const Epilogue& epilogue, float* y) {
  const bool plain = !epilogue.accumulate && epilogue.residual == nullptr &&
                     epilogue.activation == Activation::clamp;
  output_of(tiles, plain)(tiles, in, plane_stride, begin, end, epilogue, y);
}

}  // namespace drawbar::cpu
#endif

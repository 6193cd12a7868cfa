#include "ops/pool/kernels/channels_last.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/pool/kernels/channels_last.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using PoolTag = hn::ScalableTag<T>;
template <class T>
using PoolVector = hn::Vec<PoolTag<T>>;

template <bool average, class T>
PoolVector<T> pool_start() {
  using Limits = std::numeric_limits<T>;
  const PoolTag<T> d;
  if constexpr (average) return hn::Zero(d);
  return hn::Set(d, Limits::has_infinity ? -Limits::infinity() : Limits::min());
}
template <bool average, class V>
V pool_join(V a, V b) {
  if constexpr (average) {
    return hn::Add(a, b);
  } else {
    return hn::Max(a, b);
  }
}

/// The taps of one window that lie inside: `count` runs of columns, `rows` rows.
template <class T>
struct PoolWindow {
  const T* first;
  int64_t rows, columns;
  int64_t row_step, column_step;  // elements
  float factor;                   // 1 / number of elements averaged
};

/// `vectors` vectors of channels from `channel` on.
template <bool average, int vectors, class T>
void pool_block(const PoolWindow<T>& window, int64_t channel, T* y) {
  const PoolTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  PoolVector<T> sums[4] = {pool_start<average, T>(), pool_start<average, T>(),
                           pool_start<average, T>(), pool_start<average, T>()};
  const T* row = window.first + channel;
  for (int64_t i = 0; i < window.rows; ++i, row += window.row_step) {
    const T* tap = row;
    for (int64_t k = 0; k < window.columns; ++k, tap += window.column_step) {
      for (int v = 0; v < vectors; ++v) {
        sums[v] = pool_join<average>(sums[v], hn::LoadU(d, tap + v * lanes));
      }
    }
  }
  for (int v = 0; v < vectors; ++v) {
    if constexpr (average) sums[v] = hn::Mul(sums[v], hn::Set(d, window.factor));
    hn::StoreU(sums[v], d, y + channel + v * lanes);
  }
}

template <bool average, class T>
void pool_tail(const PoolWindow<T>& window, int64_t channel, int64_t count, T* y) {
  const PoolTag<T> d;
  const auto some = hn::FirstN(d, static_cast<size_t>(count));
  PoolVector<T> sum = pool_start<average, T>();
  for (int64_t i = 0; i < window.rows; ++i) {
    for (int64_t k = 0; k < window.columns; ++k) {
      const T* tap = window.first + i * window.row_step + k * window.column_step + channel;
      sum = pool_join<average>(sum, hn::MaskedLoad(some, d, tap));
    }
  }
  if constexpr (average) sum = hn::Mul(sum, hn::Set(d, window.factor));
  hn::BlendedStore(sum, some, d, y + channel);
}

template <bool average, class T>
void pool_pixel(const PoolWindow<T>& window, int64_t channels, T* y) {
  const PoolTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t c = 0;
  for (; c + 4 * lanes <= channels; c += 4 * lanes) pool_block<average, 4>(window, c, y);
  for (; c + lanes <= channels; c += lanes) pool_block<average, 1>(window, c, y);
  if (c < channels) pool_tail<average>(window, c, channels - c, y);
}

template <bool average, class T>
void pool_rows(const PoolShape& s, const T* x, T* y, int64_t first, int64_t last) {
  for (int64_t row = first; row < last; ++row) {
    const PoolRow windows = pool_row(s, row);
    for (int64_t ox = 0; ox < s.ow; ++ox) {
      const PoolPatch patch = pool_patch(s, windows, ox);
      const float factor = patch.count > 0 ? 1.0f / static_cast<float>(patch.count) : 1.0f;
      const PoolWindow<T> window{x + patch.first, patch.rows,        patch.columns,
                                 patch.row_step,  patch.column_step, factor};
      pool_pixel<average>(window, s.c, y + (row * s.ow + ox) * s.y_pixel);
    }
  }
}

void pool_channels_last(const PoolShape& shape, const float* x, float* y, int64_t first,
                        int64_t last) {
  if (shape.average) {
    pool_rows<true>(shape, x, y, first, last);
  } else {
    pool_rows<false>(shape, x, y, first, last);
  }
}

void max_pool_bytes(const PoolShape& shape, bool is_signed, const void* x, void* y, int64_t first,
                    int64_t last) {
  if (is_signed) {
    pool_rows<false>(shape, static_cast<const int8_t*>(x), static_cast<int8_t*>(y), first, last);
  } else {
    pool_rows<false>(shape, static_cast<const uint8_t*>(x), static_cast<uint8_t*>(y), first, last);
  }
}

/// Sums of at most this many pixels are added up, so that rounding errors stay small.
constexpr int64_t kPixelsPerSum = 128;

template <bool average>
void pool_all(const float* x, int64_t pixels, int64_t c, float scale, float* y) {
  const PoolTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const PoolVector<float> factor = hn::Set(d, scale);
  int64_t channel = 0;
  for (; channel + 4 * lanes <= c; channel += 4 * lanes) {
    PoolVector<float> total[4] = {pool_start<average, float>(), pool_start<average, float>(),
                                  pool_start<average, float>(), pool_start<average, float>()};
    for (int64_t begin = 0; begin < pixels; begin += kPixelsPerSum) {
      PoolVector<float> sums[4] = {pool_start<average, float>(), pool_start<average, float>(),
                                   pool_start<average, float>(), pool_start<average, float>()};
      const int64_t end = begin + kPixelsPerSum < pixels ? begin + kPixelsPerSum : pixels;
      for (const float* from = x + begin * c + channel; from < x + end * c; from += c) {
        for (int v = 0; v < 4; ++v) {
          sums[v] = pool_join<average>(sums[v], hn::LoadU(d, from + v * lanes));
        }
      }
      for (int v = 0; v < 4; ++v) total[v] = pool_join<average>(total[v], sums[v]);
    }
    for (int v = 0; v < 4; ++v) {
      if (average) total[v] = hn::Mul(total[v], factor);
      hn::StoreU(total[v], d, y + channel + v * lanes);
    }
  }
  for (; channel < c; channel += lanes) {
    const int64_t count = c - channel < lanes ? c - channel : lanes;
    const auto some = hn::FirstN(d, static_cast<size_t>(count));
    PoolVector<float> total = pool_start<average, float>();
    for (int64_t begin = 0; begin < pixels; begin += kPixelsPerSum) {
      PoolVector<float> sum = pool_start<average, float>();
      const int64_t end = begin + kPixelsPerSum < pixels ? begin + kPixelsPerSum : pixels;
      for (int64_t p = begin; p < end; ++p) {
        sum = pool_join<average>(sum, hn::MaskedLoad(some, d, x + p * c + channel));
      }
      total = pool_join<average>(total, sum);
    }
    if (average) total = hn::Mul(total, factor);
    hn::BlendedStore(total, some, d, y + channel);
  }
}

void pool_all_channels_last(bool average, const float* x, int64_t pixels, int64_t c, float scale,
                            float* y) {
  if (average) {
    pool_all<true>(x, pixels, c, scale, y);
  } else {
    pool_all<false>(x, pixels, c, scale, y);
  }
}

float pool_all_row_major(bool average, const float* x, int64_t count) {
  const PoolTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  PoolVector<float> sums = hn::Zero(d), largest = pool_start<false, float>();
  float sum = 0, most = -std::numeric_limits<float>::infinity();
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const PoolVector<float> v = hn::LoadU(d, x + i);
    sums = hn::Add(sums, v);
    largest = hn::Max(largest, v);
  }
  sum = hn::GetLane(hn::SumOfLanes(d, sums));
  most = hn::GetLane(hn::MaxOfLanes(d, largest));
  for (; i < count; ++i) {
    sum += x[i];
    most = x[i] > most ? x[i] : most;
  }
  return average ? sum / static_cast<float>(count) : most;
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

void pool_channels_last(const PoolShape& shape, const float* x, float* y, int64_t first,
                        int64_t last) {
  DRAWBAR_SIMD(pool_channels_last)(shape, x, y, first, last);
}

void max_pool_bytes(const PoolShape& shape, bool is_signed, const void* x, void* y, int64_t first,
                    int64_t last) {
  DRAWBAR_SIMD(max_pool_bytes)(shape, is_signed, x, y, first, last);
}

void pool_all_channels_last(bool average, const float* x, int64_t pixels, int64_t c, float scale,
                            float* y) {
  DRAWBAR_SIMD(pool_all_channels_last)(average, x, pixels, c, scale, y);
}

float pool_all_row_major(bool average, const float* x, int64_t count) {
  return DRAWBAR_SIMD(pool_all_row_major)(average, x, count);
}

}  // namespace drawbar::cpu
#endif

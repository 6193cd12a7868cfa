#include "ops/resize/kernels/blend.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/resize/kernels/blend.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void blend_rows(const float* const* rows, const float* weights, int64_t count, int64_t length,
                float* to) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + 4 * lanes <= length; i += 4 * lanes) {
    auto a = hn::Zero(d), b = hn::Zero(d), e = hn::Zero(d), f = hn::Zero(d);
    for (int64_t k = 0; k < count; ++k) {
      const auto weight = hn::Set(d, weights[k]);
      const float* from = rows[k] + i;
      a = hn::MulAdd(hn::LoadU(d, from), weight, a);
      b = hn::MulAdd(hn::LoadU(d, from + lanes), weight, b);
      e = hn::MulAdd(hn::LoadU(d, from + 2 * lanes), weight, e);
      f = hn::MulAdd(hn::LoadU(d, from + 3 * lanes), weight, f);
    }
    hn::StoreU(a, d, to + i);
    hn::StoreU(b, d, to + i + lanes);
    hn::StoreU(e, d, to + i + 2 * lanes);
    hn::StoreU(f, d, to + i + 3 * lanes);
  }
  for (; i + lanes <= length; i += lanes) {
    auto sum = hn::Mul(hn::LoadU(d, rows[0] + i), hn::Set(d, weights[0]));
    for (int64_t k = 1; k < count; ++k) {
      sum = hn::MulAdd(hn::LoadU(d, rows[k] + i), hn::Set(d, weights[k]), sum);
    }
    hn::StoreU(sum, d, to + i);
  }
  for (; i < length; ++i) {
    float sum = rows[0][i] * weights[0];
    for (int64_t k = 1; k < count; ++k) sum += rows[k][i] * weights[k];
    to[i] = sum;
  }
}

void blend_pixels(const float* from, const int64_t* indices, const float* weights, int64_t count,
                  int64_t pixels, int64_t c, float* to) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t o = 0; o < pixels; ++o, indices += count, weights += count, to += c) {
    int64_t i = 0;
    for (; i + lanes <= c; i += lanes) {
      auto sum = hn::Mul(hn::LoadU(d, from + indices[0] * c + i), hn::Set(d, weights[0]));
      for (int64_t k = 1; k < count; ++k) {
        sum = hn::MulAdd(hn::LoadU(d, from + indices[k] * c + i), hn::Set(d, weights[k]), sum);
      }
      hn::StoreU(sum, d, to + i);
    }
    for (; i < c; ++i) {
      float sum = from[indices[0] * c + i] * weights[0];
      for (int64_t k = 1; k < count; ++k) sum += from[indices[k] * c + i] * weights[k];
      to[i] = sum;
    }
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

void blend_rows(const float* const* rows, const float* weights, int64_t count, int64_t length,
                float* to) {
  DRAWBAR_SIMD(blend_rows)(rows, weights, count, length, to);
}

void blend_pixels(const float* from, const int64_t* indices, const float* weights, int64_t count,
                  int64_t pixels, int64_t c, float* to) {
  DRAWBAR_SIMD(blend_pixels)(from, indices, weights, count, pixels, c, to);
}

}  // namespace drawbar::cpu
#endif

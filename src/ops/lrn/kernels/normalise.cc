#include "ops/lrn/kernels/normalise.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/lrn/kernels/normalise.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// y[i] = bias + factor * sum of squares[i … i + size - 1].
void sum_neighbours(const float* squares, int64_t c, int64_t size, float bias, float factor,
                    float* y) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= c; i += lanes) {
    auto sum = hn::LoadU(d, squares + i);
    for (int64_t k = 1; k < size; ++k) sum = hn::Add(sum, hn::LoadU(d, squares + i + k));
    hn::StoreU(hn::MulAdd(sum, hn::Set(d, factor), hn::Set(d, bias)), d, y + i);
  }
  for (; i < c; ++i) {
    float sum = squares[i];
    for (int64_t k = 1; k < size; ++k) sum += squares[i + k];
    y[i] = bias + factor * sum;
  }
}

/// y[i] = x[i] * y[i]^-0.75, the usual exponent.
void divide_by_power(const float* x, int64_t c, float* y) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= c; i += lanes) {
    const auto root = hn::Sqrt(hn::LoadU(d, y + i));
    hn::StoreU(hn::Div(hn::LoadU(d, x + i), hn::Mul(root, hn::Sqrt(root))), d, y + i);
  }
  for (; i < c; ++i) {
    const float root = std::sqrt(y[i]);
    y[i] = x[i] / (root * std::sqrt(root));
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

void normalise_responses(const float* x, int64_t c, int64_t size, int64_t before, float bias,
                         float factor, float beta, float* squares, float* y) {
  std::fill_n(squares, before, 0.0f);
  for (int64_t i = 0; i < c; ++i) squares[before + i] = x[i] * x[i];
  std::fill_n(squares + before + c, size - 1 - before, 0.0f);
  DRAWBAR_SIMD(sum_neighbours)(squares, c, size, bias, factor, y);
  if (beta == 0.75f) return DRAWBAR_SIMD(divide_by_power)(x, c, y);
  for (int64_t i = 0; i < c; ++i) y[i] = x[i] * std::pow(y[i], -beta);
}

}  // namespace drawbar::cpu
#endif

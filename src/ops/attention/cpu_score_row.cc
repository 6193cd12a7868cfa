#include <algorithm>
#include <limits>

#include "ops/attention/kernels/score_row.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/attention/cpu_score_row.cc"
#include "targets/cpu/simd.h"
// After simd.h, which sets up the instruction set.
#include "ops/pointwise/cpu_vector_math.h"
#include "targets/cpu/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The logits of a vector of keys.
template <bool kCap, class D, class V = hn::Vec<D>>
HWY_INLINE V logits(D d, const ScoreRow& row, V scores, int64_t t, int64_t n) {
  V v = hn::Mul(scores, hn::Set(d, row.scale));
  if (kCap) {
    const V cap = hn::Set(d, row.softcap);
    v = hn::Mul(cap, math::tanh(d, hn::Div(v, cap)));
  }
  if (row.mask != nullptr) v = hn::Add(v, load_part(d, row.mask + t, n, hn::Zero(d)));
  if (row.bool_mask != nullptr) {
    HWY_ALIGN float attended[hn::MaxLanes(d)];
    for (int64_t i = 0; i < static_cast<int64_t>(hn::Lanes(d)); ++i) {
      attended[i] = i < n ? static_cast<float>(row.bool_mask[t + i]) : 0.0f;
    }
    v = hn::IfThenElse(hn::Ne(hn::Load(d, attended), hn::Zero(d)), v,
                       hn::Set(d, -std::numeric_limits<float>::infinity()));
  }
  return v;
}

template <bool kCap>
float probabilities(const ScoreRow& row) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const V lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  float* x = row.scores;
  std::fill(x, x + row.first, 0.0f);
  std::fill(x + row.last, x + row.keys, 0.0f);
  V most = lowest;
  int64_t t = row.first;
  for (; t + lanes <= row.last; t += lanes) {
    const V v = logits<kCap>(d, row, hn::LoadU(d, x + t), t, lanes);
    hn::StoreU(v, d, x + t);
    most = hn::Max(most, v);
  }
  const int64_t rest = row.last - t;
  if (rest > 0) {
    const V v = logits<kCap>(d, row, load_part(d, x + t, rest, hn::Zero(d)), t, rest);
    store_part(v, d, x + t, rest);
    most = hn::Max(most, hn::IfThenElse(hn::FirstN(d, static_cast<size_t>(rest)), v, lowest));
  }
  const V largest = hn::MaxOfLanes(d, most);
  if (hn::GetLane(largest) == hn::GetLane(lowest)) {
    std::fill(x + row.first, x + row.last, 0.0f);
    return 0;
  }
  V sum0 = hn::Zero(d), sum1 = hn::Zero(d);
  t = row.first;
  for (; t + 2 * lanes <= row.last; t += 2 * lanes) {
    const V a = math::exp_or_zero(d, hn::Sub(hn::LoadU(d, x + t), largest));
    const V b = math::exp_or_zero(d, hn::Sub(hn::LoadU(d, x + t + lanes), largest));
    sum0 = hn::Add(sum0, a);
    sum1 = hn::Add(sum1, b);
    hn::StoreU(a, d, x + t);
    hn::StoreU(b, d, x + t + lanes);
  }
  for (; t < row.last; t += lanes) {
    const int64_t n = std::min(lanes, row.last - t);
    const V e = math::exp_or_zero(d, hn::Sub(load_part(d, x + t, n, lowest), largest));
    sum0 = hn::Add(sum0, hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(n)), e));
    store_part(e, d, x + t, n);
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
}

float score_row(const ScoreRow& row) {
  return row.softcap > 0 ? probabilities<true>(row) : probabilities<false>(row);
}

void scale_row(float* x, int64_t n, float factor) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto f = hn::Set(d, factor);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(hn::LoadU(d, x + i), f), d, x + i);
  for (; i < n; ++i) x[i] *= factor;
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

ScoreFunction score_function(Isa isa) { return DRAWBAR_SIMD_FOR(isa, score_row); }
ScaleFunction scale_function(Isa isa) { return DRAWBAR_SIMD_FOR(isa, scale_row); }

}  // namespace drawbar::cpu
#endif

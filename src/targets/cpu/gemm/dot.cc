#include "targets/cpu/gemm/dot.h"

#include <algorithm>

#include "targets/cpu/gemm/microkernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "targets/cpu/gemm/dot.cc"
#include "targets/cpu/simd.h"
// After simd.h, which sets up the instruction set.
#include "targets/cpu/gemm/activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <int kRows, int kColumns>
void dot_tile(int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float* c,
              int64_t ldc) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V sums[kRows][kColumns];
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) sums[i][j] = hn::Zero(d);
  }
  int64_t t = 0;
  for (; t + lanes <= k; t += lanes) {
    V from_b[kColumns];
    for (int j = 0; j < kColumns; ++j) from_b[j] = hn::LoadU(d, b + j * ldb + t);
    for (int i = 0; i < kRows; ++i) {
      const V from_a = hn::LoadU(d, a + i * lda + t);
      for (int j = 0; j < kColumns; ++j) sums[i][j] = hn::MulAdd(from_a, from_b[j], sums[i][j]);
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) {
      float sum = hn::GetLane(hn::SumOfLanes(d, sums[i][j]));
      for (int64_t rest = t; rest < k; ++rest) sum += a[i * lda + rest] * b[j * ldb + rest];
      c[i * ldc + j] = sum;
    }
  }
}

template <int kRows>
void dot_strip(int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb,
               float* c, int64_t ldc) {
  int64_t j = 0;
  for (; j + 4 <= n; j += 4) dot_tile<kRows, 4>(k, a, lda, b + j * ldb, ldb, c + j, ldc);
  for (; j < n; ++j) dot_tile<kRows, 1>(k, a, lda, b + j * ldb, ldb, c + j, ldc);
}

void dot_rows(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b,
              int64_t ldb, float* c, int64_t ldc) {
  int64_t i = 0;
  for (; i + 2 <= m; i += 2) dot_strip<2>(n, k, a + i * lda, lda, b, ldb, c + i * ldc, ldc);
  for (; i < m; ++i) dot_strip<1>(n, k, a + i * lda, lda, b, ldb, c + i * ldc, ldc);
}

void apply_epilogue(int64_t m, int64_t n, float* x, int64_t ldx, const float* bias,
                    const float* residual, int64_t residual_ld, Activation activation, float alpha,
                    float beta) {
  const auto apply = [&](auto d, float* at, int64_t row, int64_t column) HWY_ATTR {
    auto v = hn::LoadU(d, at + column);
    if (bias != nullptr) v = hn::Add(v, hn::LoadU(d, bias + column));
    if (residual != nullptr) {
      v = hn::Add(v, hn::LoadU(d, residual + row * residual_ld + column));
    }
    hn::StoreU(activate(d, v, activation, alpha, beta), d, at + column);
  };
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> d1;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < m; ++i) {
    int64_t j = 0;
    for (; j + lanes <= n; j += lanes) apply(d, x + i * ldx, i, j);
    for (; j < n; ++j) apply(d1, x + i * ldx, i, j);
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

void dot_rows(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b,
              int64_t ldb, float* c, int64_t ldc) {
  DRAWBAR_SIMD(dot_rows)(m, n, k, a, lda, b, ldb, c, ldc);
}

void apply_epilogue(int64_t m, int64_t n, float* x, int64_t ldx, const float* bias,
                    const float* residual, int64_t residual_ld, Activation activation, float alpha,
                    float beta) {
  DRAWBAR_SIMD(apply_epilogue)
  (m, n, x, ldx, bias, residual, residual_ld, activation, alpha, beta);
}

}  // namespace drawbar::cpu
#endif

#include "ops/batch_norm/kernels/scale_shift.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/batch_norm/kernels/scale_shift.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void scale_shift_columns(const float* x, const float* factor, const float* shift, int64_t rows,
                         int64_t columns, float* y) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < rows; ++r, x += columns, y += columns) {
    int64_t c = 0;
    for (; c + lanes <= columns; c += lanes) {
      const auto v =
          hn::MulAdd(hn::LoadU(d, x + c), hn::LoadU(d, factor + c), hn::LoadU(d, shift + c));
      hn::StoreU(v, d, y + c);
    }
    for (; c < columns; ++c) y[c] = x[c] * factor[c] + shift[c];
  }
}

void scale_shift_line(const float* x, float factor, float shift, int64_t count, float* y) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto f = hn::Set(d, factor), s = hn::Set(d, shift);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::MulAdd(hn::LoadU(d, x + i), f, s), d, y + i);
  }
  for (; i < count; ++i) y[i] = x[i] * factor + shift;
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

void scale_shift_columns(const float* x, const float* factor, const float* shift, int64_t rows,
                         int64_t columns, float* y) {
  DRAWBAR_SIMD(scale_shift_columns)(x, factor, shift, rows, columns, y);
}

void scale_shift_line(const float* x, float factor, float shift, int64_t count, float* y) {
  DRAWBAR_SIMD(scale_shift_line)(x, factor, shift, count, y);
}

}  // namespace drawbar::cpu
#endif

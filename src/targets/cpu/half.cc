#include "targets/cpu/half.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "targets/cpu/half.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace halves {

void bf16_to_f32(const void* from, void* to, int64_t n) {
  const hn::ScalableTag<uint32_t> d;
  const hn::Rebind<uint16_t, decltype(d)> dh;
  const auto* x = static_cast<const uint16_t*>(from);
  auto* y = static_cast<uint32_t*>(to);
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(hn::ShiftLeft<16>(hn::PromoteTo(d, hn::LoadU(dh, x + i))), d, y + i);
  for (; i < n; ++i) y[i] = static_cast<uint32_t>(x[i]) << 16;
}

void f32_to_bf16(const void* from, void* to, int64_t n) {
  const auto* x = static_cast<const uint32_t*>(from);
  auto* y = static_cast<uint16_t*>(to);
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = x[i];
    const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    const bool number = (bits & 0x7fffffff) <= 0x7f800000;
    y[i] = static_cast<uint16_t>(number ? rounded : (bits >> 16) | 0x40);
  }
}

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
void f16_to_f32(const void* from, void* to, int64_t n) {
  const auto* x = static_cast<const uint16_t*>(from);
  for (int64_t i = 0; i < n; ++i) static_cast<float*>(to)[i] = half_to_float(x[i]);
}
void f32_to_f16(const void* from, void* to, int64_t n) {
  const auto* x = static_cast<const float*>(from);
  for (int64_t i = 0; i < n; ++i) static_cast<uint16_t*>(to)[i] = float_to_half(x[i]);
}
#else
void f16_to_f32(const void* from, void* to, int64_t n) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  const auto* x = static_cast<const hwy::float16_t*>(from);
  auto* y = static_cast<float*>(to);
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::PromoteTo(d, hn::LoadU(dh, x + i)), d, y + i);
  for (; i < n; ++i) y[i] = half_to_float(static_cast<const uint16_t*>(from)[i]);
}
void f32_to_f16(const void* from, void* to, int64_t n) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  const auto* x = static_cast<const float*>(from);
  auto* y = static_cast<hwy::float16_t*>(to);
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::DemoteTo(dh, hn::LoadU(d, x + i)), dh, y + i);
  for (; i < n; ++i) static_cast<uint16_t*>(to)[i] = float_to_half(x[i]);
}
#endif

}  // namespace halves
}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

void f16_to_f32(const void* from, void* to, int64_t n) {
  DRAWBAR_SIMD(halves::f16_to_f32)(from, to, n);
}
void f32_to_f16(const void* from, void* to, int64_t n) {
  DRAWBAR_SIMD(halves::f32_to_f16)(from, to, n);
}
void bf16_to_f32(const void* from, void* to, int64_t n) {
  DRAWBAR_SIMD(halves::bf16_to_f32)(from, to, n);
}
void f32_to_bf16(const void* from, void* to, int64_t n) {
  DRAWBAR_SIMD(halves::f32_to_bf16)(from, to, n);
}

}  // namespace drawbar::cpu
#endif

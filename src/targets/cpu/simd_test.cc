// The smallest kernel there is: what simd.h promises, on every instruction set of this machine.
#include <gtest/gtest.h>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "targets/cpu/simd_test.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <int kFactor>
void multiply(float* x, int64_t n) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto factor = hn::Set(d, static_cast<float>(kFactor));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(hn::LoadU(d, x + i), factor), d, x + i);
  for (; i < n; ++i) x[i] *= static_cast<float>(kFactor);
}

int64_t lanes_of_float() { return static_cast<int64_t>(hn::Lanes(hn::ScalableTag<float>())); }

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

TEST(Simd, DispatchesToTheChosenInstructionSet) {
  for (Isa level : kIsas) {
    const ScopedIsa scope(level);
    if (isa() != level) continue;  // the processor has less
    const int64_t lanes = DRAWBAR_SIMD(lanes_of_float)();
    EXPECT_GE(lanes, level == Isa::avx512 ? 16 : level == Isa::avx2 ? 8 : 1);
    std::vector<float> x(37, 2.0f);
    DRAWBAR_SIMD(multiply<3>)(x.data(), 37);
    for (float value : x) EXPECT_EQ(value, 6.0f);
  }
}

TEST(Isa, IsOnlyEverLowered) {
  const Isa best = isa();
  {
    const ScopedIsa low(Isa::baseline);
    EXPECT_EQ(isa(), Isa::baseline);
    const ScopedIsa high(Isa::avx512);
    EXPECT_EQ(isa(), Isa::baseline);
  }
  EXPECT_EQ(isa(), best);
}

TEST(Isa, CacheSizesAreSane) {
  const CacheSizes& sizes = cache_sizes();
  EXPECT_GE(sizes.l1, 8 << 10);
  EXPECT_GE(sizes.l2, sizes.l1);
}

}  // namespace
}  // namespace drawbar::cpu
#endif

#include "targets/cpu/gemm/peak.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "targets/cpu/concurrent_rate.h"
#include "targets/cpu/gemm/tile_unit.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "targets/cpu/gemm/peak.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Ten chains of `rounds` multiply-adds; returns the operations done.
double multiply_add_chains(int rounds, float* sink) {
  const hn::ScalableTag<float> d;
  const auto x = hn::Set(d, sink[0]);
  const auto y = hn::Set(d, sink[1]);
  // Chains that start alike would be merged by the compiler.
  const auto start = [&](float i) HWY_ATTR { return hn::Set(d, sink[0] + i); };
  auto s0 = start(0), s1 = start(1), s2 = start(2), s3 = start(3), s4 = start(4);
  auto s5 = start(5), s6 = start(6), s7 = start(7), s8 = start(8), s9 = start(9);
  for (int i = 0; i < rounds; ++i) {
    s0 = hn::MulAdd(s0, x, y);
    s1 = hn::MulAdd(s1, x, y);
    s2 = hn::MulAdd(s2, x, y);
    s3 = hn::MulAdd(s3, x, y);
    s4 = hn::MulAdd(s4, x, y);
    s5 = hn::MulAdd(s5, x, y);
    s6 = hn::MulAdd(s6, x, y);
    s7 = hn::MulAdd(s7, x, y);
    s8 = hn::MulAdd(s8, x, y);
    s9 = hn::MulAdd(s9, x, y);
  }
  const auto sum = hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)),
                           hn::Add(hn::Add(hn::Add(s4, s5), hn::Add(s6, s7)), hn::Add(s8, s9)));
  sink[2] = hn::GetLane(sum);
  return 20.0 * rounds * static_cast<double>(hn::Lanes(d));
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

namespace {

/// The work of a moment; returns the operations done.
double busy(Isa isa, int rounds) {
#if defined(__x86_64__)
  if (isa == Isa::amx) return multiply_tile_chains(rounds / 40);
#endif
  std::array<float, 3> values = {0.5f, 1.0f, 0.0f};
  return DRAWBAR_SIMD_FOR(isa, multiply_add_chains)(rounds, values.data());
}

}  // namespace

double measure_fma_peak(Isa isa) {
  std::array<double, 9> rates{};  // the median: clock rates jump for moments
  for (double& rate : rates) {
    const auto start = std::chrono::steady_clock::now();
    const double operations = busy(isa, 200000);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    rate = operations / std::max(time.count(), 1e-9);
  }
  std::nth_element(rates.begin(), rates.begin() + 4, rates.end());
  return rates[4];
}

double fma_peak(Isa isa) {
  static const std::array<double, std::size(kIsas)> peaks = [] {
    std::array<double, std::size(kIsas)> measured{};
    for (Isa level : kIsas) {
      if (level <= cpu::isa()) measured[static_cast<size_t>(level)] = measure_fma_peak(level);
    }
    return measured;
  }();
  return std::max(peaks[static_cast<size_t>(isa)], 1.0);
}

double concurrent_fma_peak(Isa isa, int threads) {
  return best_concurrent_rate(threads, 20, [isa](int) { return busy(isa, 400000); });
}

}  // namespace drawbar::cpu
#endif

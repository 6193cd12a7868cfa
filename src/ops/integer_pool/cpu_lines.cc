#include "ops/integer_pool/cpu_lines.h"

#include <algorithm>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/integer_pool/cpu_lines.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace averaging {

constexpr int64_t kTapsIn16 = 257;  // 255 each

/// Sums of 32 bits → y.
template <class D, class Y>
HWY_INLINE void finish(D d32, hn::Vec<D> sum, const ByteMean& mean, Y* y) {
  const hn::Rebind<float, D> df;
  const auto v = hn::Mul(hn::ConvertTo(df, hn::Add(sum, hn::Set(d32, mean.offset))),
                         hn::Set(df, mean.multiplier));
  if constexpr (std::is_same_v<Y, float>) {
    hn::StoreU(v, df, y);
  } else {
    // What exceeds i32 would wrap.
    const auto kept = hn::Min(hn::Max(v, hn::Set(df, -1e6f)), hn::Set(df, 1e6f));
    const hn::Rebind<Y, D> dy;
    hn::StoreU(hn::DemoteTo(dy, hn::Add(hn::NearestInt(kept), hn::Set(d32, mean.zero))), dy, y);
  }
}

/// kVectors vectors of d's (u16) channels, from `channel` on, summed in 16 bits as long as they
/// fit.
template <int kVectors, bool is_signed, class D, class Y>
HWY_INLINE void average_block(D d, const ByteWindow& window, const ByteMean& mean, int64_t channel,
                              Y* y) {
  constexpr size_t kMost = hn::MaxLanes(d);
  const hn::Rebind<uint8_t, D> d8;
  const hn::CappedTag<int32_t, kMost> d32;
  const hn::Rebind<uint16_t, decltype(d32)> half;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto lanes32 = static_cast<int64_t>(hn::Lanes(d32));
  const auto flip = hn::Set(d8, is_signed ? 0x80 : 0);
  uint16_t part[kVectors * kMost];
  int32_t totals[kVectors * kMost];
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  const auto add = [&](auto& sum, const uint8_t* from) HWY_ATTR {
    sum = hn::Add(sum, hn::PromoteTo(d, hn::Xor(hn::LoadU(d8, from), flip)));
  };
  const auto store_part = [&]() HWY_ATTR {
    hn::StoreU(s0, d, part);
    if constexpr (kVectors > 1) hn::StoreU(s1, d, part + lanes);
    if constexpr (kVectors > 2) {
      hn::StoreU(s2, d, part + 2 * lanes);
      hn::StoreU(s3, d, part + 3 * lanes);
    }
  };
  const auto sums = [&](int64_t i)
                        HWY_ATTR { return hn::PromoteTo(d32, hn::LoadU(half, part + i)); };
  bool some_totals = false;
  int64_t room = kTapsIn16;
  const auto* row = reinterpret_cast<const uint8_t*>(window.first) + channel;
  for (int64_t r = 0; r < window.rows; ++r, row += window.row_step) {
    const uint8_t* tap = row;
    for (int64_t left = window.columns; left > 0;) {
      if (room == 0) {
        store_part();
        for (int64_t i = 0; i < kVectors * lanes; i += lanes32) {
          const auto before = some_totals ? hn::LoadU(d32, totals + i) : hn::Zero(d32);
          hn::StoreU(hn::Add(before, sums(i)), d32, totals + i);
        }
        s0 = s1 = s2 = s3 = hn::Zero(d);
        some_totals = true;
        room = kTapsIn16;
      }
      const int64_t run = std::min(left, room);
      for (int64_t k = 0; k < run; ++k, tap += window.column_step) {
        add(s0, tap);
        if constexpr (kVectors > 1) add(s1, tap + lanes);
        if constexpr (kVectors > 2) {
          add(s2, tap + 2 * lanes);
          add(s3, tap + 3 * lanes);
        }
      }
      left -= run;
      room -= run;
    }
  }
  store_part();
  for (int64_t i = 0; i < kVectors * lanes; i += lanes32) {
    auto sum = sums(i);
    if (some_totals) sum = hn::Add(sum, hn::LoadU(d32, totals + i));
    finish(d32, sum, mean, y + channel + i);
  }
}

/// The last channels may be computed twice.
template <bool is_signed, class Y>
void average(const ByteWindow& window, const ByteMean& mean, int64_t channels, void* to) {
  const hn::ScalableTag<uint16_t> d;
  const hn::CappedTag<uint16_t, 8> d8;
  const hn::CappedTag<uint16_t, 1> d1;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d)), some = static_cast<int64_t>(hn::Lanes(d8));
  auto* y = static_cast<Y*>(to);
  int64_t c = 0;
  for (; c + 4 * lanes <= channels; c += 4 * lanes)
    average_block<4, is_signed>(d, window, mean, c, y);
  for (; c + 2 * lanes <= channels; c += 2 * lanes)
    average_block<2, is_signed>(d, window, mean, c, y);
  for (; c + lanes <= channels; c += lanes) average_block<1, is_signed>(d, window, mean, c, y);
  if (c == channels) return;
  if (channels >= lanes) return average_block<1, is_signed>(d, window, mean, channels - lanes, y);
  for (; c + some <= channels; c += some) average_block<1, is_signed>(d8, window, mean, c, y);
  for (; c < channels; ++c) average_block<1, is_signed>(d1, window, mean, c, y);
}

}  // namespace averaging
}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

template <bool is_signed>
AverageBytes average_bytes_to(ElementType y) {
  if (y == ElementType::f32) return DRAWBAR_SIMD(averaging::average<is_signed, float>);
  if (y == ElementType::u8) return DRAWBAR_SIMD(averaging::average<is_signed, uint8_t>);
  return DRAWBAR_SIMD(averaging::average<is_signed, int8_t>);
}

}  // namespace

AverageBytes average_bytes(ElementType x, ElementType y) {
  return x == ElementType::i8 ? average_bytes_to<true>(y) : average_bytes_to<false>(y);
}

}  // namespace drawbar::cpu
#endif

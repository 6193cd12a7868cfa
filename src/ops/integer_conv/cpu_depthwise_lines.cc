#include "ops/integer_conv/cpu_depthwise_lines.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/integer_conv/cpu_depthwise_lines.cc"
#include "targets/cpu/byte_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Group = DepthwiseBytes::Group;
using Finish = DepthwiseBytes::Finish;

/// One channel.
inline void run_one(int64_t taps, const std::byte* const* pixels, int64_t step, int64_t channel,
                    bool is_signed, const int16_t* weights, const Finish& finish, int64_t place,
                    std::byte* y) {
  int32_t sum = finish.offset[place];
  for (int64_t t = 0; t < taps; ++t) {
    const auto byte = static_cast<int32_t>(pixels[t * step][channel]);
    sum += (is_signed ? byte ^ 0x80 : byte) * weights[t];
  }
  if (finish.addend != nullptr) {
    reinterpret_cast<float*>(y)[channel] =
        static_cast<float>(sum) * finish.multiplier[place] + finish.addend[place];
    return;
  }
  const float v = std::min(static_cast<float>(sum) * finish.multiplier[place], 1e6f);
  const int32_t low = finish.to_signed ? -128 : 0;
  const int32_t number = static_cast<int32_t>(std::nearbyint(std::max(v, -1e6f))) + finish.zero;
  y[channel] = static_cast<std::byte>(std::clamp(number, low, low + 255));
}

#if HWY_TARGET <= HWY_AVX2

// The packs of words and bytes work within blocks, which undoes interleaving.
template <int kWidth, bool is_signed>
HWY_INLINE void run_group(int64_t pairs, const std::byte* const* pixels, int64_t step,
                          int64_t channel, const int16_t* weights, const Finish& finish,
                          int64_t place, std::byte* y) {
  const hn::CappedTag<uint8_t, kWidth> d8;
  const hn::Repartition<int16_t, decltype(d8)> d16;
  const hn::Repartition<int32_t, decltype(d8)> d32;
  const hn::Repartition<float, decltype(d8)> df;
  constexpr int64_t kLanes = kWidth / 4;
  const auto zeros = hn::Zero(d8);
  auto unused = hn::Zero(d32);
  auto s0 = hn::LoadU(d32, finish.offset + place),
       s1 = hn::LoadU(d32, finish.offset + place + kLanes);
  auto s2 = hn::LoadU(d32, finish.offset + place + 2 * kLanes);
  auto s3 = hn::LoadU(d32, finish.offset + place + 3 * kLanes);
  const auto load = [&](int64_t tap) HWY_ATTR {
    const auto* from = reinterpret_cast<const uint8_t*>(pixels[tap * step] + channel);
    const auto bytes = hn::LoadU(d8, from);
    return is_signed ? hn::Xor(bytes, hn::Set(d8, 0x80)) : bytes;
  };
  for (int64_t pair = 0; pair < pairs; ++pair, weights += 2 * kWidth) {
    const auto first = load(2 * pair), second = load(2 * pair + 1);
    const auto lower = hn::InterleaveLower(d8, first, second);
    const auto upper = hn::InterleaveUpper(d8, first, second);
    const auto add = [&](auto bytes, int64_t at, auto sum) HWY_ATTR {
      return hn::ReorderWidenMulAccumulate(d32, hn::BitCast(d16, bytes),
                                           hn::LoadU(d16, weights + at * kWidth / 2), sum, unused);
    };
    s0 = add(hn::InterleaveLower(d8, lower, zeros), 0, s0);
    s1 = add(hn::InterleaveUpper(d8, lower, zeros), 1, s1);
    s2 = add(hn::InterleaveLower(d8, upper, zeros), 2, s2);
    s3 = add(hn::InterleaveUpper(d8, upper, zeros), 3, s3);
  }
  if (finish.addend != nullptr) {
    const auto store = [&](auto sum, int64_t at) HWY_ATTR {
      const auto factor = hn::LoadU(df, finish.multiplier + place + at * kLanes);
      const auto addend = hn::LoadU(df, finish.addend + place + at * kLanes);
      float numbers[kLanes];
      hn::StoreU(hn::MulAdd(hn::ConvertTo(df, sum), factor, addend), df, numbers);
      float* to = reinterpret_cast<float*>(y) + channel + 4 * at;
      for (int64_t i = 0; i < kLanes; i += 4) std::copy_n(numbers + i, 4, to + 4 * i);
    };
    store(s0, 0);
    store(s1, 1);
    store(s2, 2);
    store(s3, 3);
    return;
  }
  const auto number = [&](auto sum, int64_t at) HWY_ATTR {
    const auto factor = hn::LoadU(df, finish.multiplier + place + at * kLanes);
    return hn::Mul(hn::ConvertTo(df, sum), factor);
  };
  const auto a = words_of(number(s0, 0), number(s1, 1), finish.zero);
  const auto b = words_of(number(s2, 2), number(s3, 3), finish.zero);
  const hn::Vec<decltype(d8)> bytes{finish.to_signed ? pack_bytes(int8_t{}, a.raw, b.raw)
                                                     : pack_bytes(uint8_t{}, a.raw, b.raw)};
  hn::StoreU(bytes, d8, reinterpret_cast<uint8_t*>(y + channel));
}

#endif

/// One group of channels of all pixels.
template <class Body>
HWY_INLINE void for_pixels(const std::byte* const* list, int64_t pixels, std::byte* y,
                           int64_t y_stride, const Body& body) {
  for (int64_t i = 0; i < pixels; ++i) body(list + i, y + i * y_stride);
}

void run_pixels(const Group* groups, int64_t count, int64_t taps, const std::byte* const* list,
                int64_t pixels, bool is_signed, const int16_t* weights, const Finish& finish,
                std::byte* y, int64_t y_stride) {
  const int64_t pairs = (taps + 1) / 2;
  int64_t place = 0;
  for (const Group* g = groups; g < groups + count; ++g) {
#if HWY_TARGET <= HWY_AVX2
    const auto run = [&](auto width) HWY_ATTR {
      for_pixels(
          list, pixels, y, y_stride, [&](const std::byte* const* at, std::byte* to) HWY_ATTR {
            if (is_signed) {
              run_group<width, true>(pairs, at, pixels, g->first, weights, finish, place, to);
            } else {
              run_group<width, false>(pairs, at, pixels, g->first, weights, finish, place, to);
            }
          });
    };
#endif
    switch (g->width) {
#if HWY_TARGET <= HWY_AVX2
#if HWY_TARGET <= HWY_AVX3
      case 64:
        run(std::integral_constant<int, 64>());
        break;
#endif
      case 32:
        run(std::integral_constant<int, 32>());
        break;
      case 16:
        run(std::integral_constant<int, 16>());
        break;
#endif
      default:
        for_pixels(list, pixels, y, y_stride,
                   [&](const std::byte* const* at, std::byte* to) HWY_ATTR {
                     run_one(taps, at, pixels, g->first, is_signed, weights, finish, place, to);
                   });
    }
    place += g->width;
    weights += 2 * pairs * g->width;
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

DepthwiseBytes::DepthwiseBytes(int64_t channels, int64_t taps, Isa isa)
    : taps_(taps), pairs_((taps + 1) / 2), isa_(isa) {
  const int64_t widest = isa >= Isa::avx512 ? 64 : isa == Isa::avx2 ? 32 : 1;
  int64_t first = 0;
  for (int64_t width = widest; width >= 16; width /= 2) {
    for (; first + width <= channels; first += width) groups_.push_back({first, width});
  }
  if (first < channels && channels >= 16 && widest > 1) {
    groups_.push_back({channels - 16, 16});
    first = channels;
  }
  for (; first < channels; ++first) groups_.push_back({first, 1});
}

int64_t DepthwiseBytes::Group::channel(int64_t place) const {
  if (width == 1) return first;
  const int64_t lanes = width / 4, vector = place / lanes, lane = place % lanes;
  return first + lane / 4 * 16 + vector * 4 + lane % 4;
}

int64_t DepthwiseBytes::places() const {
  int64_t sum = 0;
  for (const Group& g : groups_) sum += g.width;
  return sum;
}

void DepthwiseBytes::pack(const int16_t* weights, int16_t* out) const {
  for (const Group& g : groups_) {
    for (int64_t pair = 0; pair < pairs_; ++pair) {
      for (int64_t i = 0; i < g.width; ++i) {
        for (int64_t tap = 2 * pair; tap < 2 * pair + 2; ++tap)
          *out++ = tap < taps_ ? weights[g.channel(i) * taps_ + tap] : int16_t{0};
      }
    }
  }
}

void DepthwiseBytes::run(const std::byte* const* list, int64_t pixels, bool is_signed,
                         const int16_t* weights, const Finish& finish, std::byte* y,
                         int64_t y_stride) const {
  const auto run = DRAWBAR_SIMD_FOR(isa_, run_pixels);
  run(groups_.data(), std::ssize(groups_), taps_, list, pixels, is_signed, weights, finish, y,
      y_stride);
}

}  // namespace drawbar::cpu
#endif

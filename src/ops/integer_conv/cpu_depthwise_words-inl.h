// Depthwise products of bytes by words, and what becomes of sums: for cpu_depthwise_lines.cc, once
// for each instruction set. No include guard by intent.
HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Finish = DepthwiseBytes::Finish;
using Pixels = DepthwiseBytes::Pixels;

#if HWY_TARGET <= HWY_AVX2

/// The bytes of so many channels of the pixel at `from`.
template <int kWidth, bool is_signed>
HWY_INLINE auto load_pixel(const std::byte* from) {
  const hn::CappedTag<uint8_t, kWidth> d;
  const auto bytes = hn::LoadU(d, reinterpret_cast<const uint8_t*>(from));
  return is_signed ? hn::Xor(bytes, hn::Set(d, 0x80)) : bytes;
}

/// Finishes the sums (offsets included) of a pixel's group of channels that begins at `place`; y is
/// its first channel. The packs of words and bytes work within blocks, which undoes interleaving.
template <int kWidth, class V>
HWY_INLINE void finish_group(V s0, V s1, V s2, V s3, const Finish& finish, int64_t place,
                             int64_t channel, std::byte* y) {
  const hn::CappedTag<uint8_t, kWidth> d8;
  const hn::Repartition<float, decltype(d8)> df;
  constexpr int64_t kLanes = kWidth / 4;
  const auto factor = [&](int64_t at) HWY_ATTR {
    return hn::LoadU(df, finish.multiplier + place + at * kLanes);
  };
  if (finish.addend != nullptr) {
    const auto store = [&](auto sum, int64_t at) HWY_ATTR {
      const auto addend = hn::LoadU(df, finish.addend + place + at * kLanes);
      float numbers[kLanes];
      hn::StoreU(hn::MulAdd(hn::ConvertTo(df, sum), factor(at), addend), df, numbers);
      float* to = reinterpret_cast<float*>(y) + channel + 4 * at;
      for (int64_t i = 0; i < kLanes; i += 4) std::copy_n(numbers + i, 4, to + 4 * i);
    };
    store(s0, 0);
    store(s1, 1);
    store(s2, 2);
    store(s3, 3);
    return;
  }
  const auto number = [&](auto sum, int64_t at)
                          HWY_ATTR { return hn::Mul(hn::ConvertTo(df, sum), factor(at)); };
  const auto store = [&](auto a, auto b) HWY_ATTR {
    const hn::Vec<decltype(d8)> bytes{finish.to_signed ? pack_bytes(int8_t{}, a.raw, b.raw)
                                                       : pack_bytes(uint8_t{}, a.raw, b.raw)};
    hn::StoreU(bytes, d8, reinterpret_cast<uint8_t*>(y + channel));
  };
  if (finish.bounded) {
    store(words_of<true>(number(s0, 0), number(s1, 1), finish.zero),
          words_of<true>(number(s2, 2), number(s3, 3), finish.zero));
  } else {
    store(words_of(number(s0, 0), number(s1, 1), finish.zero),
          words_of(number(s2, 2), number(s3, 3), finish.zero));
  }
}

/// One pixel: pixels[t * step] points at what tap t reads.
template <int kWidth, bool is_signed>
HWY_INLINE void run_words(int64_t pairs, const std::byte* const* pixels, int64_t step,
                          int64_t channel, const int16_t* weights, const Finish& finish,
                          int64_t place, std::byte* y) {
  const hn::CappedTag<uint8_t, kWidth> d8;
  const hn::Repartition<int16_t, decltype(d8)> d16;
  const hn::Repartition<int32_t, decltype(d8)> d32;
  constexpr int64_t kLanes = kWidth / 4;
  const auto zeros = hn::Zero(d8);
  auto unused = hn::Zero(d32);
  const auto offset = [&](int64_t at)
                          HWY_ATTR { return hn::LoadU(d32, finish.offset + place + at * kLanes); };
  auto s0 = offset(0), s1 = offset(1), s2 = offset(2), s3 = offset(3);
  for (int64_t pair = 0; pair < pairs; ++pair, weights += 2 * kWidth) {
    const auto first = load_pixel<kWidth, is_signed>(pixels[2 * pair * step] + channel);
    const auto second = load_pixel<kWidth, is_signed>(pixels[(2 * pair + 1) * step] + channel);
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
  finish_group<kWidth>(s0, s1, s2, s3, finish, place, channel, y);
}

#endif

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// Depthwise products of bytes by fours: for cpu_depthwise_lines.cc, once for each instruction set.
// No include guard by intent.
HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Fours = DepthwiseBytes::Fours;
using Line = DepthwiseBytes::Line;

// A pixel by its first pointer, or its first tap.
HWY_INLINE const std::byte* const* pixel_at(const Pixels& pixels, int64_t i) {
  return pixels.list + i;
}
HWY_INLINE const std::byte* pixel_at(const Line& line, int64_t i) {
  return line.first + i * line.step;
}
HWY_INLINE const std::byte* tap_at(const std::byte* const* pixel, int64_t at) { return pixel[at]; }
HWY_INLINE const std::byte* tap_at(const std::byte* pixel, int64_t at) { return pixel + at; }
HWY_INLINE bool has_next(const Pixels& pixels, int64_t i) { return pixels.has_next[i]; }
HWY_INLINE bool has_next(const Line& line, int64_t i) { return i + 1 < line.count; }

#if HWY_TARGET <= HWY_AVX2

/// One pixel, or two neighbours.
template <int kWidth, int kPixels, bool is_signed, bool dots, class Pixel>
HWY_INLINE void run_fours(const Fours& fours, Pixel pixel, int64_t channel, const int8_t* weights,
                          const Finish& finish, int64_t place, std::byte* y, int64_t y_stride) {
  const hn::CappedTag<uint8_t, kWidth> d8;
  const hn::CappedTag<int8_t, kWidth> ds8;
  const hn::Repartition<uint16_t, decltype(d8)> d16;
  const hn::Repartition<int32_t, decltype(d8)> d32;
  using Sum = hn::Vec<decltype(d32)>;
  constexpr int64_t kLanes = kWidth / 4;
  const auto offset = [&](int64_t at)
                          HWY_ATTR { return hn::LoadU(d32, finish.offset + place + at * kLanes); };
  Sum a0 = offset(0), a1 = offset(1), a2 = offset(2), a3 = offset(3);
  Sum b0 = a0, b1 = a1, b2 = a2, b3 = a3;
  const auto add = [&](Sum& sum, auto bytes, const int8_t* by) HWY_ATTR {
    const auto w = hn::LoadU(ds8, by);
    sum = Sum{dots ? add_dots(sum.raw, bytes.raw, w.raw) : add_fours(sum.raw, bytes.raw, w.raw)};
  };
  for (int64_t four = 0; four < fours.count; ++four, weights += fours.shifts * 4 * kWidth) {
    const auto load = [&](int64_t i) HWY_ATTR {
      return load_pixel<kWidth, is_signed>(tap_at(pixel, fours.at[4 * four + i]) + channel);
    };
    const auto p0 = load(0), p1 = load(1), p2 = load(2), p3 = load(3);
    // Half of the channels at a time, so that what is live fits AVX2's registers.
    const auto add_half = [&](auto first, auto second, const int8_t* by, Sum& a, Sum& a_next,
                              Sum& b, Sum& b_next) HWY_ATTR {
      const auto lower =
          hn::InterleaveLower(d16, hn::BitCast(d16, first), hn::BitCast(d16, second));
      const auto upper =
          hn::InterleaveUpper(d16, hn::BitCast(d16, first), hn::BitCast(d16, second));
      add(a, lower, by);
      add(a_next, upper, by + kWidth);
      if constexpr (kPixels == 2) {
        add(b, lower, by + 4 * kWidth);
        add(b_next, upper, by + 5 * kWidth);
      }
    };
    add_half(hn::InterleaveLower(d8, p0, p1), hn::InterleaveLower(d8, p2, p3), weights, a0, a1, b0,
             b1);
    add_half(hn::InterleaveUpper(d8, p0, p1), hn::InterleaveUpper(d8, p2, p3), weights + 2 * kWidth,
             a2, a3, b2, b3);
  }
  finish_group<kWidth>(a0, a1, a2, a3, finish, place, channel, y);
  if constexpr (kPixels == 2)
    finish_group<kWidth>(b0, b1, b2, b3, finish, place, channel, y + y_stride);
}

/// One group of channels of all pixels.
template <int kWidth, bool is_signed, bool dots, class Source>
HWY_INLINE void run_fours_of(const Fours& fours, const Source& pixels, int64_t channel,
                             const int8_t* weights, const Finish& finish, int64_t place,
                             std::byte* y, int64_t y_stride) {
  for (int64_t i = 0; i < pixels.count;) {
    const auto pixel = pixel_at(pixels, i);
    std::byte* to = y + i * y_stride;
    if (fours.shifts == 2 && has_next(pixels, i)) {
      run_fours<kWidth, 2, is_signed, dots>(fours, pixel, channel, weights, finish, place, to,
                                            y_stride);
      i += 2;
    } else {
      run_fours<kWidth, 1, is_signed, dots>(fours, pixel, channel, weights, finish, place, to,
                                            y_stride);
      i += 1;
    }
  }
}

#endif

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#include "ops/integer_conv/cpu_depthwise_lines.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>

#include "targets/cpu/gemm/byte_pairs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/integer_conv/cpu_depthwise_lines.cc"
#include "targets/cpu/byte_vectors-inl.h"
//
#include "ops/integer_conv/cpu_depthwise_words-inl.h"
//
#include "ops/integer_conv/cpu_depthwise_fours-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {

using Group = DepthwiseBytes::Group;

/// One channel of a pixel.
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
/// Calls body(width) with a group's as a constant.
template <class Body>
HWY_INLINE void with_width(int64_t width, const Body& body) {
#if HWY_TARGET <= HWY_AVX3
  if (width == 64) return body(std::integral_constant<int, 64>());
#endif
  if (width == 32) return body(std::integral_constant<int, 32>());
  body(std::integral_constant<int, 16>());
}
#endif

void run_by_words(const Group* groups, int64_t count, int64_t taps, const Pixels& pixels,
                  const int16_t* weights, const Finish& finish, std::byte* y, int64_t y_stride) {
  const int64_t pairs = (taps + 1) / 2;
  int64_t place = 0;
  for (const Group* g = groups; g < groups + count; ++g) {
    const auto for_pixels = [&](const auto& body) HWY_ATTR {
      for (int64_t i = 0; i < pixels.count; ++i) body(pixels.list + i, y + i * y_stride);
    };
    if (g->width == 1) {
      for_pixels([&](const std::byte* const* at, std::byte* to) HWY_ATTR {
        run_one(taps, at, pixels.count, g->first, pixels.is_signed, weights, finish, place, to);
      });
    }
#if HWY_TARGET <= HWY_AVX2
    if (g->width > 1) {
      with_width(g->width, [&](auto width) HWY_ATTR {
        for_pixels([&](const std::byte* const* at, std::byte* to) HWY_ATTR {
          if (pixels.is_signed) {
            run_words<width, true>(pairs, at, pixels.count, g->first, weights, finish, place, to);
          } else {
            run_words<width, false>(pairs, at, pixels.count, g->first, weights, finish, place, to);
          }
        });
      });
    }
#endif
    place += g->width;
    weights += 2 * pairs * g->width;
  }
}

template <class Source, bool is_signed, bool dots>
void run_by_fours([[maybe_unused]] const Group* groups, [[maybe_unused]] int64_t count,
                  [[maybe_unused]] const Fours& fours, [[maybe_unused]] const Source& pixels,
                  [[maybe_unused]] const int8_t* weights, [[maybe_unused]] const Finish& finish,
                  [[maybe_unused]] std::byte* y, [[maybe_unused]] int64_t y_stride) {
#if HWY_TARGET <= HWY_AVX2
  int64_t place = 0;
  for (const Group* g = groups; g < groups + count; ++g) {
    with_width(g->width, [&](auto width) HWY_ATTR {
      run_fours_of<width, is_signed, dots>(fours, pixels, g->first, weights, finish, place, y,
                                           y_stride);
    });
    place += g->width;
    weights += fours.count * fours.shifts * 4 * g->width;
  }
#endif
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

constexpr int64_t kLeastVector = 16;  // channels
constexpr int64_t kMostFours = 64;    // of a kernel

/// The weight of byte i of a row's four, for the neighbour so many pixels to the right.
int16_t weight_of(const int16_t* row, int64_t kw, int64_t i, int64_t shift) {
  return i >= shift && i - shift < kw ? row[i - shift] : int16_t{0};
}

}  // namespace

DepthwiseBytes::DepthwiseBytes(int64_t channels, const Taps& taps, Way way, Isa isa)
    : taps_(taps), way_(way), isa_(isa) {
  const int64_t widest = isa >= Isa::avx512 ? 64 : isa == Isa::avx2 ? 32 : 1;
  int64_t first = 0;
  for (int64_t width = widest; width >= kLeastVector; width /= 2) {
    for (; first + width <= channels; first += width) groups_.push_back({first, width});
  }
  if (first < channels && channels >= kLeastVector && widest > 1) {
    groups_.push_back({channels - kLeastVector, kLeastVector});
    first = channels;
  }
  for (; first < channels; ++first) groups_.push_back({first, 1});
  for (const Group& g : groups_) {
    for (int64_t i = 0; i < g.width; ++i) channels_.push_back(static_cast<int32_t>(g.channel(i)));
  }
}

bool DepthwiseBytes::is_possible(Way way, int64_t channels, const Taps& taps, Isa isa) {
  if (way == Way::words) return true;
  if (way > Way::dots || isa == Isa::baseline || channels < kLeastVector) return false;
  const DepthwiseBytes lines({}, taps, way, isa);
  return taps.kh * lines.fours_in_row() <= kMostFours && (way != Way::dots || has_byte_dots(isa));
}

bool DepthwiseBytes::allows(const int16_t* weights, int64_t channels, const Taps& taps, Way way) {
  if (way == Way::words) return true;
  for (int64_t row = 0; row < channels * taps.kh; ++row, weights += taps.kw) {
    for (int64_t i = -1; i < taps.kw; ++i) {
      const int16_t first = weight_of(weights, taps.kw, i, 0),
                    second = weight_of(weights, taps.kw, i + 1, 0);
      if (second < -128 || second > 127) return false;
      if (way == Way::pairs && !fits_pair(first, second)) return false;
    }
  }
  return true;
}

DepthwiseBytes::Way DepthwiseBytes::way_for(const int16_t* weights, int64_t channels,
                                            const Taps& taps, Isa isa) {
  for (Way way : {Way::dots, Way::pairs}) {
    if (is_possible(way, channels, taps, isa) && allows(weights, channels, taps, way)) return way;
  }
  return Way::words;
}

int64_t DepthwiseBytes::Group::channel(int64_t place) const {
  if (width == 1) return first;
  const int64_t lanes = width / 4, vector = place / lanes, lane = place % lanes;
  return first + lane / 4 * 16 + vector * 4 + lane % 4;
}

int64_t DepthwiseBytes::places() const { return std::ssize(channels_); }

int64_t DepthwiseBytes::packed_bytes() const {
  const int64_t of_place =
      way_ == Way::words ? (taps_.count() + 1) / 2 * 4 : taps_.kh * fours_in_row() * shifts() * 4;
  return of_place * places();
}

void DepthwiseBytes::pack(const int16_t* weights, void* out) const {
  if (way_ == Way::words) {
    auto* to = static_cast<int16_t*>(out);
    const int64_t taps = taps_.count();
    for (const Group& g : groups_) {
      for (int64_t pair = 0; pair < (taps + 1) / 2; ++pair) {
        for (int64_t i = 0; i < g.width; ++i) {
          for (int64_t tap = 2 * pair; tap < 2 * pair + 2; ++tap)
            *to++ = tap < taps ? weights[g.channel(i) * taps + tap] : int16_t{0};
        }
      }
    }
    return;
  }
  auto* to = static_cast<int8_t*>(out);
  for (const Group& g : groups_) {
    for (int64_t four = 0; four < taps_.kh * fours_in_row(); ++four) {
      const int64_t ky = four / fours_in_row(), first = four % fours_in_row() * 4;
      for (int64_t shift = 0; shift < shifts(); ++shift) {
        for (int64_t place = 0; place < g.width; ++place) {
          const int16_t* row = weights + (g.channel(place) * taps_.kh + ky) * taps_.kw;
          for (int64_t i = first; i < first + 4; ++i)
            *to++ = static_cast<int8_t>(weight_of(row, taps_.kw, i, shift));
        }
      }
    }
  }
}

template <class Source>
void DepthwiseBytes::run_fours(const Source& pixels, int64_t row_step, int64_t tap_step,
                               int64_t step, const void* weights, const Finish& finish,
                               std::byte* y, int64_t y_stride) const {
  int64_t at[4 * kMostFours];
  const Fours fours{taps_.kh * fours_in_row(), shifts(), at};
  for (int64_t i = 0; i < 4 * fours.count; ++i) {
    const int64_t ky = i / (4 * fours_in_row()), kx = i % (4 * fours_in_row());
    const int64_t last = taps_.kw - 1;
    // Behind a pixel's own taps is the last one of its neighbour, behind that anything.
    const int64_t next = kx > last && taps_.slides ? step : 0;
    at[i] = ky * row_step + std::min(kx, last) * tap_step + next;
  }
  const bool dots = way_ == Way::dots;
  const auto run = pixels.is_signed
                       ? (dots ? DRAWBAR_SIMD_FOR(isa_, run_by_fours<Source, true, true>)
                               : DRAWBAR_SIMD_FOR(isa_, run_by_fours<Source, true, false>))
                       : (dots ? DRAWBAR_SIMD_FOR(isa_, run_by_fours<Source, false, true>)
                               : DRAWBAR_SIMD_FOR(isa_, run_by_fours<Source, false, false>));
  run(groups_.data(), std::ssize(groups_), fours, pixels, static_cast<const int8_t*>(weights),
      finish, y, y_stride);
}

void DepthwiseBytes::run(const Pixels& pixels, const void* weights, const Finish& finish,
                         std::byte* y, int64_t y_stride) const {
  if (way_ != Way::words) {
    return run_fours(pixels, taps_.kw * pixels.count, pixels.count, 1, weights, finish, y,
                     y_stride);
  }
  const auto run = DRAWBAR_SIMD_FOR(isa_, run_by_words);
  run(groups_.data(), std::ssize(groups_), taps_.count(), pixels,
      static_cast<const int16_t*>(weights), finish, y, y_stride);
}

void DepthwiseBytes::run(const Line& line, const void* weights, const Finish& finish, std::byte* y,
                         int64_t y_stride) const {
  run_fours(line, line.row_step, line.tap_step, line.step, weights, finish, y, y_stride);
}

}  // namespace drawbar::cpu
#endif

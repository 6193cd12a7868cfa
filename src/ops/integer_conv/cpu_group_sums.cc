#include "ops/integer_conv/cpu_group_sums.h"

#include <algorithm>
#include <cstring>

#include "ops/conv/kernels/taps.h"
#include "ops/integer_conv/cpu_group_run.h"
#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/byte_pairs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/integer_conv/cpu_group_sums.cc"
#include "targets/cpu/byte_vectors-inl.h"
//
#include "targets/cpu/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kMostBytePixels = HWY_TARGET <= HWY_AVX3 ? 7 : 4;  // as registers suffice

/// Where pixels slide, kernels are three wide and pixel i of a row is the first tap of output i;
/// else pixel kx · kPixels + i is its tap kx.
template <int kPixels, bool kSlides, bool kWide, bool is_signed, bool dots>
void byte_group([[maybe_unused]] const ByteGroupRun& run) {
#ifdef DRAWBAR_BYTE_VECTORS
  using D = hn::ScalableTag<int32_t>;
  using V = hn::Vec<D>;
  const D d;
  constexpr int64_t kLanes = hn::MaxLanes(d);
  V sums[kPixels];
  DRAWBAR_UNROLL for (int t = 0; t < kPixels; ++t) sums[t] = hn::Zero(d);
  const std::byte* w = run.w;
  for (int64_t row = 0; row < run.rows; ++row) {
    const std::byte* const* pixels = run.pixels + row * run.in_row;
    for (int64_t four = 0; four < run.fours; ++four) {
      const auto spread = hn::SetTableIndices(d, run.spread + (kWide ? 0 : four * kLanes));
      const auto channels_of = [&](int64_t pixel) HWY_ATTR {
        const std::byte* from = pixels[pixel] + run.first;
        V v;
        if constexpr (kWide) {
          int32_t bytes;
          std::memcpy(&bytes, from + 4 * four, 4);
          v = hn::Set(d, bytes);
        } else if constexpr (kLanes == 16) {
          v = hn::TableLookupLanes(
              hn::BitCast(d, hn::LoadDup128(hn::Repartition<uint8_t, D>(),
                                            reinterpret_cast<const uint8_t*>(from))),
              spread);
        } else {
          int64_t bytes;
          std::memcpy(&bytes, from, 8);
          v = hn::TableLookupLanes(hn::BitCast(d, hn::Set(hn::Repartition<int64_t, D>(), bytes)),
                                   spread);
        }
        return is_signed ? hn::Xor(v, hn::Set(d, static_cast<int32_t>(0x80808080))) : v;
      };
      const auto next_weights = [&]() HWY_ATTR {
        const V v = hn::LoadU(d, reinterpret_cast<const int32_t*>(w));
        w += 4 * kLanes;
        return v;
      };
      const auto add = [&](V& sum, V x, V weights) HWY_ATTR {
        sum = V{dots ? add_dots(sum.raw, x.raw, weights.raw)
                     : add_fours(sum.raw, x.raw, weights.raw)};
      };
      if constexpr (kSlides) {
        V x[kPixels + 2];
        DRAWBAR_UNROLL for (int t = 0; t < kPixels + 2; ++t) x[t] = channels_of(t);
        for (int64_t part = 0; part < run.parts; ++part) {
          DRAWBAR_UNROLL for (int kx = 0; kx < 3; ++kx) {
            const V weights = next_weights();
            DRAWBAR_UNROLL for (int t = 0; t < kPixels; ++t) add(sums[t], x[t + kx], weights);
          }
        }
      } else {
        for (int64_t i = 0; i < run.parts * run.kw; ++i) {
          const V weights = next_weights();
          const int64_t first = i % run.kw * kPixels;
          DRAWBAR_UNROLL for (int t = 0; t < kPixels; ++t) {
            add(sums[t], channels_of(first + t), weights);
          }
        }
      }
    }
  }
  DRAWBAR_UNROLL for (int t = 0; t < kPixels; ++t) hn::StoreU(sums[t], d, run.sums + t * run.ld);
#endif
}

template <bool kSlides, bool kWide, bool is_signed, bool dots>
ByteGroup byte_group_of(int64_t pixels) {
  static constexpr ByteGroup runs[] = {
    byte_group<1, kSlides, kWide, is_signed, dots>,
    byte_group<2, kSlides, kWide, is_signed, dots>,
    byte_group<3, kSlides, kWide, is_signed, dots>,
    byte_group<4, kSlides, kWide, is_signed, dots>,
#if HWY_TARGET <= HWY_AVX3
    byte_group<5, kSlides, kWide, is_signed, dots>,
    byte_group<6, kSlides, kWide, is_signed, dots>,
    byte_group<7, kSlides, kWide, is_signed, dots>,
#endif
  };
  return runs[pixels - 1];
}
template <bool... kKnown>
ByteGroup byte_group_for(int64_t pixels) {
  return byte_group_of<kKnown...>(pixels);
}
/// Each condition becomes a constant.
template <bool... kKnown, class... Conditions>
ByteGroup byte_group_for(int64_t pixels, bool next, Conditions... others) {
  return next ? byte_group_for<kKnown..., true>(pixels, others...)
              : byte_group_for<kKnown..., false>(pixels, others...);
}

/// The function for runs of so many pixels, at most most_byte_pixels().
ByteGroup find_byte_group(int64_t pixels, bool slides, bool wide, bool is_signed, bool dots) {
  return byte_group_for<>(pixels, slides, wide, is_signed, dots);
}
int64_t most_byte_pixels() { return kMostBytePixels; }

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

bool ByteGroups::is_possible(int64_t channels, int64_t groups, Isa isa) {
  if (isa < Isa::avx2 || groups <= 1 || channels % groups != 0) return false;
  const int64_t group = channels / groups, lanes = cpu::lanes(isa);
  return group % 4 == 0 && channels >= lanes && (lanes % group == 0 || group % lanes == 0);
}

ByteGroups::ByteGroups(const ConvShape& shape, Isa isa, bool dots)
    : shape_(shape), isa_(isa), dots_(dots), lanes_(cpu::lanes(isa)) {
  for (int64_t four = 0; four < fours(); ++four) {
    for (int64_t lane = 0; lane < lanes_; ++lane)
      spread_.push_back(static_cast<int32_t>(lane / group() * fours() + four));
  }
}

int64_t ByteGroups::parts_for(const int8_t* weights) const {
  if (dots_) return 1;
  const int64_t taps = shape_.kh * shape_.kw;
  for (int64_t i = 0; i < shape_.c * group(); i += 2) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      if (!fits_pair(weights[i * taps + tap], weights[(i + 1) * taps + tap])) return 2;
    }
  }
  return 1;
}

void ByteGroups::pack(const int8_t* w, int64_t parts, std::byte* packed) const {
  const int64_t taps = shape_.kh * shape_.kw;
  auto* to = reinterpret_cast<int8_t*>(packed);
  for (int64_t v = 0; v < vectors(); ++v) {
    for (int64_t ky = 0; ky < shape_.kh; ++ky) {
      for (int64_t four = 0; four < fours(); ++four) {
        for (int64_t tap = 0; tap < parts * shape_.kw; ++tap) {
          const int64_t part = tap / shape_.kw, kx = tap % shape_.kw;
          for (int64_t i = 0; i < lanes_ * 4; ++i) {
            const int64_t c = channel_of(v) + i / 4, from = 4 * four + i % 4;
            const int number = w[(c * group() + from) * taps + ky * shape_.kw + kx];
            const int half = number / 2;
            *to++ = static_cast<int8_t>(parts == 1 ? number : part == 0 ? half : number - half);
          }
        }
      }
    }
  }
}

int64_t ByteGroups::channel_of(int64_t vector) const {
  return std::min(vector * lanes_, shape_.c - lanes_);
}

int64_t ByteGroups::pixels_of(int64_t left) const {
  const auto most = DRAWBAR_SIMD_FOR(isa_, most_byte_pixels);
  return divide_up(left, divide_up(left, most()));
}

int64_t ByteGroups::list_bytes() const { return shape_.kh * most_in_row(shape_, kMostPixels) * 8; }

void ByteGroups::sum(const Run& run, const std::byte* packed, int64_t parts, int64_t first,
                     int64_t end, const std::byte** list, int32_t* sums, int64_t ld) const {
  const bool wide = group() >= lanes_;
  const RunRows rows =
      fill_run(shape_, run.x, run.padding, run.line, run.ox, run.pixels, false, list);
  const auto find = DRAWBAR_SIMD_FOR(isa_, find_byte_group);
  const auto compute = find(run.pixels, taps_slide(shape_), wide, run.is_signed, dots_);
  for (int64_t v = first; v < end; ++v) {
    const int64_t at = channel_of(v);
    compute({.pixels = list,
             .rows = rows.count,
             .in_row = rows.in_row,
             .w = packed + v * vector_bytes(parts),
             .fours = fours(),
             .kw = shape_.kw,
             .parts = parts,
             .spread = spread_.data(),
             .first = wide ? at / group() * group() : at,
             .sums = sums + at - channel_of(first),
             .ld = ld});
  }
}

}  // namespace drawbar::cpu
#endif

// Convolution in groups of few channels, as many out as in: a vector of output channels spans whole
// groups, and of each group one input channel at a time is spread over the group's lanes; or a
// group spans whole vectors, and one of its channels goes to all lanes. A run of output pixels at a
// time, so that inputs and weights are used several times once loaded.
#include "ops/conv/kernels/taps.h"
#include "targets/cpu/gemm/blocking.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv/kernels/small_groups.cc"
#include "targets/cpu/simd.h"
// After simd.h, which sets up the instruction set.
#include "ops/conv/kernels/pixel_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kMostGroupPixels = HWY_TARGET <= HWY_AVX3 ? 7 : 4;  // as registers suffice

/// Where a run of output pixels reads and writes; all for the first channel.
struct GroupRun {
  const float* const* pixels;  // [rows][pixels_in_row]: of the kernel rows inside the image
  const float* w;              // of the first of these
  float* y;
  const float *bias, *residual;  // or null
  int64_t rows;
  int64_t channels;  // in the last vector, if not all
};

struct GroupSizes {
  int64_t group, kw, pixels_in_row;
  int64_t kernel_row, w_tap;  // floats from kernel row to kernel row, from tap to tap of weights
  int64_t y_pixel, residual_pixel;
  const int32_t* spread;  // [group][lanes]: where each lane's input channel is; not of wide ones
  const Epilogue* epilogue;
};

/// One vector of channels of kPixels pixels; wide groups span whole ones. Where pixels slide,
/// kernels are three wide and pixel i of a row is the first tap of output i; else pixel kx ·
/// kPixels + i is its tap kx.
template <bool kTail, int kPixels, bool kSlides, bool kWide>
HWY_INLINE void group_pixels(const GroupSizes& s, const GroupRun& run, int64_t at) {
  const D d;
  V sums[kPixels];
  DRAWBAR_UNROLL for (int t = 0; t < kPixels; ++t) sums[t] = start<kTail>(run, at);
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t first = kWide ? at / s.group * s.group : 0;
  for (int64_t row = 0; row < run.rows; ++row) {
    const float* const* pixels = run.pixels + row * s.pixels_in_row;
    const float* w = run.w + row * s.kernel_row + at;
    for (int64_t i = 0; i < s.group; ++i) {
      const auto spread = hn::SetTableIndices(d, s.spread + (kWide ? 0 : i * lanes));
      const auto channel_of = [&](int64_t pixel) HWY_ATTR {
        V v = kWide ? hn::Set(d, pixels[pixel][first + i])
                    : hn::TableLookupLanes(load<kTail>(pixels[pixel] + at, run.channels), spread);
        if constexpr (kSlides) hold(v);
        return v;
      };
      if constexpr (kSlides) {
        V x[kPixels + 2];
        DRAWBAR_UNROLL for (int t = 0; t < kPixels + 2; ++t) x[t] = channel_of(t);
        DRAWBAR_UNROLL for (int kx = 0; kx < 3; ++kx, w += s.w_tap) {
          V weights = hn::LoadU(d, w);
          hold(weights);
          DRAWBAR_UNROLL for (int t = 0; t < kPixels; ++t) {
            sums[t] = hn::MulAdd(weights, x[t + kx], sums[t]);
          }
        }
      } else {
        for (int64_t kx = 0; kx < s.kw; ++kx, w += s.w_tap) {
          V weights = hn::LoadU(d, w);
          hold(weights);
          DRAWBAR_UNROLL for (int t = 0; t < kPixels; ++t) {
            sums[t] = hn::MulAdd(weights, channel_of(kx * kPixels + t), sums[t]);
          }
        }
      }
    }
  }
  finish<kTail>(s, run, at, sums);
}

/// A run for so many channels.
using GroupPixels = void (*)(const GroupSizes&, const GroupRun&, int64_t channels);

// Copies, since what is stored might otherwise change them in the compiler's eyes.
template <int kPixels, bool kSlides, bool kWide>
void group_vectors(const GroupSizes& sizes, const GroupRun& given, int64_t channels) {
  const Epilogue epilogue = *sizes.epilogue;
  GroupSizes s = sizes;
  s.epilogue = &epilogue;
  GroupRun run = given;
  const auto lanes = static_cast<int64_t>(hn::Lanes(D()));
  int64_t at = 0;
  for (; at + lanes <= channels; at += lanes)
    group_pixels<false, kPixels, kSlides, kWide>(s, run, at);
  if constexpr (!kWide) {
    run.channels = channels - at;
    if (run.channels > 0) group_pixels<true, kPixels, kSlides, false>(s, run, at);
  }
}

template <bool kSlides, bool kWide>
constexpr GroupPixels group_runs[] = {
    group_vectors<1, kSlides, kWide>, group_vectors<2, kSlides, kWide>,
    group_vectors<3, kSlides, kWide>, group_vectors<4, kSlides, kWide>,
#if HWY_TARGET <= HWY_AVX3
    group_vectors<5, kSlides, kWide>, group_vectors<6, kSlides, kWide>,
    group_vectors<7, kSlides, kWide>,
#endif
};

/// The channels [channel, channel + channels) of an output line, of whole groups. Weights are
/// [kh][group][kw][padded]; `zeros` has c of them; `list` has room for the pointers of a run.
void small_groups_line(const ConvShape& shape, const float* x, const float* weights, int64_t padded,
                       const int32_t* spread, const float* zeros, const float** list, float* y,
                       const Epilogue& epilogue, int64_t line, int64_t channel, int64_t channels) {
  const bool slides = taps_slide(shape);
  GroupSizes s{};
  s.group = shape.c / shape.groups;
  s.kw = shape.kw;
  s.w_tap = padded;
  s.kernel_row = s.group * shape.kw * padded;
  s.y_pixel = shape.y_pixel_stride;
  s.residual_pixel = epilogue.residual_ld;
  s.spread = spread;
  const bool is_wide = s.group % static_cast<int64_t>(hn::Lanes(D())) == 0;
  s.epilogue = &epilogue;
  for (int64_t ox = 0; ox < shape.ow;) {
    const int64_t left = shape.ow - ox;
    const int64_t pixels = divide_up(left, divide_up(left, kMostGroupPixels));
    const RunRows rows =
        fill_run(shape, x + channel, zeros + channel, line, ox, pixels, true, list);
    s.pixels_in_row = rows.in_row;
    GroupRun run{};
    run.rows = rows.count;
    run.w = weights + rows.first * s.kernel_row + channel;
    run.pixels = list;
    run.y = y + ox * s.y_pixel + channel;
    if (epilogue.bias != nullptr) run.bias = epilogue.bias + channel;
    if (epilogue.residual != nullptr) {
      run.residual = epilogue.residual + (line * shape.ow + ox) * epilogue.residual_ld + channel;
    }
    const auto at = static_cast<size_t>(pixels - 1);
    const auto compute = is_wide ? (slides ? group_runs<true, true> : group_runs<false, true>)
                                 : (slides ? group_runs<true, false> : group_runs<false, false>);
    compute[at](s, run, channels);
    ox += pixels;
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

constexpr int64_t kMostPixels = 7;  // of a run, on any instruction set

class SmallGroups final : public ConvKernel {
 public:
  SmallGroups(const ConvShape& shape, Isa isa)
      : shape_(shape), isa_(isa), padded_(align_up(shape.c, lanes(isa))) {
    for (int64_t i = 0; i < group(); ++i) {
      for (int64_t lane = 0; lane < lanes(isa); ++lane)
        spread_.push_back(static_cast<int32_t>(lane / group() * group() + i));
    }
  }

  std::string_view name() const override { return "small_groups"; }
  int64_t packed_bytes() const override { return shape_.kh * group() * shape_.kw * padded_ * 4; }

  void pack(const float* weights, float* packed, ThreadPool*) const override {
    std::fill_n(packed, packed_bytes() / 4, 0.0f);
    for (int64_t m = 0; m < shape_.m; ++m) {
      for (int64_t i = 0; i < group(); ++i) {
        for (int64_t ky = 0; ky < shape_.kh; ++ky) {
          for (int64_t kx = 0; kx < shape_.kw; ++kx)
            packed[((ky * group() + i) * shape_.kw + kx) * padded_ + m] = *weights++;
        }
      }
    }
  }

  int64_t scratch_bytes(int threads) const override {
    return zeros_bytes() + threads * list_bytes();
  }

  void run(const float* x, const float* packed, float* y, const Epilogue& epilogue, void* scratch,
           ThreadPool* pool) const override {
    auto* zeros = static_cast<float*>(scratch);
    std::fill_n(zeros, shape_.c, 0.0f);
    const auto compute = DRAWBAR_SIMD_FOR(isa_, small_groups_line);
    const int64_t step = std::max(lanes(isa_), group());
    const int64_t lines = shape_.n * shape_.oh, steps = divide_up(shape_.c, step);
    const int64_t parts = parts_of_lines(lines, steps, pool == nullptr ? 1 : pool->threads());
    const int64_t part = divide_up(steps, parts) * step;
    const auto body = [&](int64_t begin, int64_t end, int worker) {
      auto** list = reinterpret_cast<const float**>(static_cast<char*>(scratch) + zeros_bytes() +
                                                    worker * list_bytes());
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t line = unit / parts, channel = unit % parts * part;
        const int64_t channels = std::min(part, shape_.c - channel);
        if (channels <= 0) continue;
        float* to = y + line * shape_.ow * shape_.y_pixel_stride;
        compute(shape_, x, packed, padded_, spread_.data(), zeros, list, to, epilogue, line,
                channel, channels);
        if (epilogue.hook != nullptr) {
          (*epilogue.hook)(to + channel, shape_.y_pixel_stride, line * shape_.ow, channel,
                           shape_.ow, channels);
        }
      }
    };
    if (pool == nullptr) {
      body(0, lines * parts, 0);
    } else {
      pool->parallel_for(lines * parts, 1, body);
    }
  }

  double estimate_seconds(int threads) const override {
    const double bytes = 4.0 * static_cast<double>(shape_.n * shape_.c) *
                         static_cast<double>(shape_.h * shape_.w + shape_.oh * shape_.ow);
    return ((taps_slide(shape_) ? 1.6 : 2.4) * shape_.multiply_adds() / rates(isa_).multiply_adds +
            bytes / rates(isa_).bytes) /
           threads;
  }

 private:
  int64_t group() const { return shape_.c / shape_.groups; }
  int64_t zeros_bytes() const { return align_up(shape_.c * 4, 64); }
  int64_t list_bytes() const {
    return align_up(shape_.kh * most_in_row(shape_, kMostPixels) * 8, 64);
  }

  ConvShape shape_;
  Isa isa_;
  int64_t padded_;
  std::vector<int32_t> spread_;  // [group][lanes]
};

}  // namespace

std::unique_ptr<ConvKernel> make_small_groups(const ConvShape& shape, Isa isa) {
  if (isa == Isa::baseline) return nullptr;  // its vectors hold one number
  if (shape.groups <= 1 || shape.c % shape.groups != 0 || shape.m != shape.c) return nullptr;
  const int64_t group = shape.c / shape.groups;
  if (group < 2 || (lanes(isa) % group != 0 && group % lanes(isa) != 0)) return nullptr;
  return std::make_unique<SmallGroups>(shape, isa);
}

}  // namespace drawbar::cpu
#endif

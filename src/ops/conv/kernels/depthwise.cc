// Depthwise convolution: one filter per channel, vectorised over channels, a run of output pixels
// at a time so that inputs and weights are used several times once loaded.
#include "ops/conv/kernels/factories.h"
#include "targets/cpu/gemm/blocking.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv/kernels/depthwise.cc"
#include "targets/cpu/simd.h"
// After simd.h, which sets up the instruction set.
#include "ops/conv/kernels/pixel_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Where one run of output pixels reads and writes; all for the first channel. Functions take the
/// channel where a vector begins as `at`.
struct Run {
  const float* x;  // kernel position (first row, 0) of the run's first pixel
  const float* w;  // weights of that row
  float* y;
  const float* bias;      // or null
  const float* residual;  // or null
  int64_t rows;           // kernel rows inside the image
  int64_t wrap;           // the first of them that lies Sizes::ring back, in front of the others
  int64_t kx_begin, kx_end;
  int64_t first, last;  // the run's input columns inside the image, the first pixel's being 0
  int64_t channels;     // in the last vector, if not all
};

struct Sizes {
  int64_t kw, stride, row, ring, kernel_row, tap, pixel, y_pixel, residual_pixel;
  // floats: row to the next input row of the kernel, ring from a line to where it lies again,
  // kernel_row to a row's weights, tap from kernel column to column in x, pixel between input
  // pixels, w_tap between weights
  int64_t w_tap;
  const Epilogue* epilogue;
};

/// Any kernel: kPixels pixels whose kernel columns [kx_begin, kx_end) are inside the image.
template <bool kTail, int kPixels>
HWY_INLINE void any_pixels(const Sizes& s, const Run& run, int64_t at) {
  const D d;
  V sums[kPixels];
  DRAWBAR_UNROLL for (int t = 0; t < kPixels; ++t) sums[t] = start<kTail>(run, at);
  const float* x_row = run.x + at;
  for (int64_t ky = 0; ky < run.rows; ++ky, x_row += s.row) {
    if (ky == run.wrap) x_row -= s.ring;
    for (int64_t kx = run.kx_begin; kx < run.kx_end; ++kx) {
      V w = hn::LoadU(d, run.w + ky * s.kernel_row + kx * s.w_tap + at);
      hold(w);
      const float* x = x_row + kx * s.tap;
      DRAWBAR_UNROLL for (int t = 0; t < kPixels; ++t) {
        sums[t] = hn::MulAdd(w, load<kTail>(x + t * s.stride * s.pixel, run.channels), sums[t]);
      }
    }
  }
  finish<kTail>(s, run, at, sums);
}

/// Kernels of known width and stride without dilation: every input pixel is loaded once per row. Up
/// to half a kernel of input columns at either end may be outside the image.
template <int kPixels, int kWidth, int kStride>
HWY_INLINE void fixed_pixels(const Sizes& s, const Run& run, int64_t at) {
  const D d;
  V sums[kPixels];
  DRAWBAR_UNROLL for (int t = 0; t < kPixels; ++t) sums[t] = start<false>(run, at);
  const float* x = run.x + at;
  for (int64_t ky = 0; ky < run.rows; ++ky, x += s.row) {
    if (ky == run.wrap) x -= s.ring;
    V w[kWidth];
    DRAWBAR_UNROLL for (int kx = 0; kx < kWidth; ++kx) {
      w[kx] = hn::LoadU(d, run.w + ky * s.kernel_row + kx * s.w_tap + at);
      hold(w[kx]);
    }
    constexpr int kColumns = (kPixels - 1) * kStride + kWidth;
    DRAWBAR_UNROLL for (int i = 0; i < kColumns; ++i) {
      if (i < kWidth / 2 && i < run.first) continue;
      if (i >= kColumns - kWidth / 2 && i >= run.last) continue;
      V from_x = hn::LoadU(d, x + i * s.pixel);
      hold(from_x);
      DRAWBAR_UNROLL for (int kx = 0; kx < kWidth; ++kx) {
        if (i >= kx && (i - kx) % kStride == 0 && (i - kx) / kStride < kPixels) {
          const int t = (i - kx) / kStride;
          sums[t] = hn::MulAdd(w[kx], from_x, sums[t]);
        }
      }
    }
  }
  finish<false>(s, run, at, sums);
}

constexpr int kMostPixels = 7;  // of a run; images' sides tend to be multiples

/// A run for the first `channels` channels, whole vectors.
using Pixels = void (*)(const Sizes&, const Run&, int64_t channels);

// Copies, since what is stored might otherwise change them in the compiler's eyes.
template <int kPixels>
void any_vectors(const Sizes& sizes, const Run& given, int64_t channels) {
  const Run run = given;
  const Epilogue epilogue = *sizes.epilogue;
  Sizes s = sizes;
  s.epilogue = &epilogue;
  for (int64_t at = 0; at < channels; at += static_cast<int64_t>(hn::Lanes(D())))
    any_pixels<false, kPixels>(s, run, at);
}
template <int kPixels, int kWidth, int kStride>
void fixed_vectors(const Sizes& sizes, const Run& given, int64_t channels) {
  const Run run = given;
  const Epilogue epilogue = *sizes.epilogue;
  Sizes s = sizes;
  s.epilogue = &epilogue;
  for (int64_t at = 0; at < channels; at += static_cast<int64_t>(hn::Lanes(D())))
    fixed_pixels<kPixels, kWidth, kStride>(s, run, at);
}

/// The functions for 1, 2, … kMostPixels pixels.
constexpr Pixels any_runs[] = {any_vectors<1>, any_vectors<2>, any_vectors<3>, any_vectors<4>,
                               any_vectors<5>, any_vectors<6>, any_vectors<7>};
template <int kWidth, int kStride>
const Pixels* fixed_runs() {
  static constexpr Pixels runs[] = {
      fixed_vectors<1, kWidth, kStride>, fixed_vectors<2, kWidth, kStride>,
      fixed_vectors<3, kWidth, kStride>, fixed_vectors<4, kWidth, kStride>,
      fixed_vectors<5, kWidth, kStride>, fixed_vectors<6, kWidth, kStride>,
      fixed_vectors<7, kWidth, kStride>};
  return runs;
}
/// Those of a known kernel, or null.
HWY_INLINE const Pixels* fixed_runs(const Sizes& s) {
  if (s.tap != s.pixel || s.stride > 2) return nullptr;
  if (s.kw == 3) return s.stride == 1 ? fixed_runs<3, 1>() : fixed_runs<3, 2>();
  if (s.kw == 5) return s.stride == 1 ? fixed_runs<5, 1>() : fixed_runs<5, 2>();
  return nullptr;
}

/// The kernel columns that are inside the image for a pixel whose kernel begins at `column`.
HWY_INLINE void inside(const ConvShape& shape, int64_t column, Run& run) {
  run.kx_begin = 0;
  run.kx_end = shape.kw;
  while (run.kx_begin < run.kx_end && column + run.kx_begin * shape.dilation_w < 0) ++run.kx_begin;
  while (run.kx_end > run.kx_begin && column + (run.kx_end - 1) * shape.dilation_w >= shape.w)
    --run.kx_end;
}

/// The channels [channel_begin, channel_end) of an output line, where y begins; input line i is
/// line i % ring of x; weights [kh][kw][padded], padded and channel_begin multiples of the vector.
void depthwise_line(const ConvShape& shape, const float* x, int64_t ring, const float* weights,
                    int64_t padded, float* y, const Epilogue& epilogue, int64_t line,
                    int64_t channel_begin, int64_t channel_end) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t image = line / shape.oh;
  const int64_t top = line % shape.oh * shape.stride_h - shape.pad_top;
  int64_t ky_begin = 0;
  while (ky_begin < shape.kh && top + ky_begin * shape.dilation_h < 0) ++ky_begin;
  int64_t ky_end = shape.kh;
  while (ky_end > ky_begin && top + (ky_end - 1) * shape.dilation_h >= shape.h) --ky_end;

  Sizes s{};
  s.kw = shape.kw;
  s.stride = shape.stride_w;
  s.pixel = shape.x_pixel_stride;
  s.tap = shape.dilation_w * s.pixel;
  s.row = shape.dilation_h * shape.w * s.pixel;
  s.ring = ring * shape.w * s.pixel;
  s.w_tap = padded;
  s.kernel_row = shape.kw * padded;
  s.y_pixel = shape.y_pixel_stride;
  s.residual_pixel = epilogue.residual_ld;
  s.epilogue = &epilogue;

  // Pixels [inner_begin, inner_end) have their whole kernel row inside the image.
  const int64_t reach = (shape.kw - 1) * shape.dilation_w;
  const int64_t last_start = shape.w - 1 - reach + shape.pad_left;
  const int64_t inner_begin =
      std::min((shape.pad_left + shape.stride_w - 1) / shape.stride_w, shape.ow);
  const int64_t inner_end = std::clamp<int64_t>(
      last_start < 0 ? 0 : last_start / shape.stride_w + 1, inner_begin, shape.ow);

  const int64_t x_line = (image * shape.h + top + ky_begin * shape.dilation_h) % ring;
  const float* x_row = x + x_line * shape.w * s.pixel;
  const float* w_row = weights + ky_begin * s.kernel_row;
  const Pixels* fixed = fixed_runs(s);
  int64_t ox = 0;
  while (ox < shape.ow) {
    const int64_t column = ox * shape.stride_w - shape.pad_left;
    Run run{};
    run.rows = ky_end - ky_begin;
    run.wrap = divide_up(ring - x_line, shape.dilation_h);
    const bool inner = ox >= inner_begin && ox < inner_end;
    const int64_t left = fixed != nullptr ? shape.ow - ox : inner ? inner_end - ox : 1;
    int64_t pixels = divide_up(left, divide_up(left, kMostPixels));
    const Pixels* runs = any_runs;
    if (fixed != nullptr) {
      const int64_t columns = (pixels - 1) * shape.stride_w + shape.kw;
      run.first = -column;
      run.last = shape.w - column;
      const bool reached = run.first <= shape.kw / 2 && run.last >= columns - shape.kw / 2;
      if (reached) runs = fixed;
      if (!reached) pixels = 1;
    }
    inside(shape, column, run);
    run.x = x_row + column * s.pixel + channel_begin;
    run.w = w_row + channel_begin;
    run.y = y + ox * s.y_pixel + channel_begin;
    if (epilogue.bias != nullptr) run.bias = epilogue.bias + channel_begin;
    if (epilogue.residual != nullptr) {
      run.residual =
          epilogue.residual + (line * shape.ow + ox) * epilogue.residual_ld + channel_begin;
    }
    const int64_t channels = (channel_end - channel_begin) / lanes * lanes;
    runs[pixels - 1](s, run, channels);
    run.channels = channel_end - channel_begin - channels;
    for (int64_t i = 0; i < pixels && run.channels > 0; ++i) {
      inside(shape, column + i * s.stride, run);
      any_pixels<true, 1>(s, run, channels);
      run.x += s.stride * s.pixel;
      run.y += s.y_pixel;
      if (run.residual != nullptr) run.residual += s.residual_pixel;
    }
    ox += pixels;
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

constexpr int64_t kLeastBlock = 64;     // channels
constexpr int64_t kGrainWork = 100000;  // multiply-adds worth waking a thread for

class Depthwise final : public ConvKernel {
 public:
  Depthwise(const ConvShape& shape, Isa isa)
      : shape_(shape), isa_(isa), padded_(align_up(shape.c, lanes(isa))) {
    // The input rows under a kernel are read kh times: of so many channels they stay in the
    // first-level cache; of fewer than that, all at once in order are faster. What the strips of
    // rows read and write stays in the second-level cache.
    const int64_t rows = (shape.kh - 1) * shape.dilation_h + 1 + shape.stride_h;
    const int64_t channel_bytes = 4 * (rows * shape.w + shape.ow);
    const int64_t most = cache_sizes().l1 * 3 / 4 / channel_bytes;
    block_ = most < kLeastBlock ? shape.c : divide_up(shape.c, divide_up(shape.c, most));
    block_ = align_up(block_, lanes(isa));
    const int64_t line_bytes = 4 * shape.c * (shape.stride_h * shape.w + shape.ow);
    strip_ = std::max<int64_t>(cache_sizes().l2 / 4 / line_bytes, 1);
  }

  std::string_view name() const override { return "depthwise"; }
  int64_t packed_bytes() const override { return shape_.kh * shape_.kw * padded_ * 4; }

  void pack(const float* weights, float* packed, ThreadPool*) const override {
    const int64_t taps = shape_.kh * shape_.kw;
    std::fill_n(packed, taps * padded_, 0.0f);
    for (int64_t c = 0; c < shape_.c; ++c) {
      for (int64_t tap = 0; tap < taps; ++tap) packed[tap * padded_ + c] = weights[c * taps + tap];
    }
  }

  int64_t scratch_bytes(int) const override { return 0; }

  void run(const float* x, const float* packed, float* y, const Epilogue& epilogue, void*,
           ThreadPool* pool) const override {
    const auto body = [&](int64_t begin, int64_t end, int) {
      for (int64_t first = begin; first < end; first += strip_) {
        run_lines(x, shape_.n * shape_.h, packed, y + first * shape_.ow * shape_.y_pixel_stride,
                  epilogue, nullptr, {first, std::min(end, first + strip_)});
      }
    };
    const int64_t lines = shape_.n * shape_.oh;
    if (pool == nullptr) {
      body(0, lines, 0);
    } else {
      pool->parallel_for(lines, 1 + kGrainWork / (shape_.ow * shape_.c * shape_.kh * shape_.kw),
                         body);
    }
  }

  bool has_lines() const override { return true; }

  /// Here the lines may be of several images.
  void run_lines(const float* x, int64_t ring, const float* packed, float* y,
                 const Epilogue& epilogue, void*, Lines lines) const override {
    const auto compute = DRAWBAR_SIMD_FOR(isa_, depthwise_line);
    const int64_t y_line = shape_.ow * shape_.y_pixel_stride;
    for (int64_t channel = 0; channel < shape_.c; channel += block_) {
      const int64_t channel_end = std::min(shape_.c, channel + block_);
      for (int64_t line = lines.begin; line < lines.end; ++line) {
        compute(shape_, x, ring, packed, padded_, y + (line - lines.begin) * y_line, epilogue, line,
                channel, channel_end);
      }
    }
    if (epilogue.hook == nullptr) return;
    for (int64_t line = lines.begin; line < lines.end; ++line) {
      (*epilogue.hook)(y + (line - lines.begin) * y_line, shape_.y_pixel_stride, line * shape_.ow,
                       0, shape_.ow, shape_.c);
    }
  }

  double estimate_seconds(int threads) const override {
    const double bytes = 4.0 * static_cast<double>(shape_.n * shape_.c) *
                         static_cast<double>(shape_.h * shape_.w + shape_.oh * shape_.ow);
    return (2 * shape_.multiply_adds() / rates(isa_).multiply_adds + bytes / rates(isa_).bytes) /
           threads;
  }

 private:
  ConvShape shape_;
  Isa isa_;
  int64_t padded_;
  int64_t block_ = 1;  // channels
  int64_t strip_ = 1;  // output rows
};

}  // namespace

std::unique_ptr<ConvKernel> make_depthwise(const ConvShape& shape, Isa isa) {
  if (shape.groups <= 1 || shape.groups != shape.c || shape.m != shape.c) return nullptr;
  return std::make_unique<Depthwise>(shape, isa);
}

}  // namespace drawbar::cpu
#endif

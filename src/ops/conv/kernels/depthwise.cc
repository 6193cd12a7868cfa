// Depthwise convolution: one filter per channel, vectorised over channels, a run of output pixels
// at a time so that inputs and weights are used several times once loaded. The usual kernels are
// generated (depthwise_run.h).
#include <array>

#include "ops/conv/kernels/depthwise_run.h"
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
  int64_t channels;  // in the last vector, if not all
};

struct Sizes {
  // floats: row to the next input row of the kernel, ring from a line to where it lies again, tap
  // from kernel column to column in x, pixel from the run's pixel to pixel there
  int64_t row, ring, tap, pixel, y_pixel, residual_pixel;
  int64_t kw, taps;      // kernel columns, all of the kernel
  int64_t packed_lanes;  // channels side by side in the weights: [vector][row][column][lanes]
  const Epilogue* epilogue;
};

/// kPixels pixels whose kernel columns [kx_begin, kx_end) are inside the image.
template <bool kTail, int kPixels>
HWY_INLINE void add_pixels(const Sizes& s, const Run& run, int64_t at) {
  const D d;
  V sums[kPixels];
  DRAWBAR_UNROLL for (int t = 0; t < kPixels; ++t) sums[t] = start<kTail>(run, at);
  const float* x_row = run.x + at;
  const int64_t within = at & (s.packed_lanes - 1);
  const float* w_vector = run.w + (at - within) * s.taps + within;
  for (int64_t ky = 0; ky < run.rows; ++ky, x_row += s.row) {
    if (ky == run.wrap) x_row -= s.ring;
    for (int64_t kx = run.kx_begin; kx < run.kx_end; ++kx) {
      V w = hn::LoadU(d, w_vector + (ky * s.kw + kx) * s.packed_lanes);
      hold(w);
      const float* x = x_row + kx * s.tap;
      DRAWBAR_UNROLL for (int t = 0; t < kPixels; ++t) {
        sums[t] = hn::MulAdd(w, load<kTail>(x + t * s.pixel, run.channels), sums[t]);
      }
    }
  }
  finish<kTail>(s, run, at, sums);
}

/// So many channels. The epilogue is a copy, since what is stored might otherwise change it in the
/// compiler's eyes.
template <int kPixels>
void add_pixels(Sizes s, Run run, int64_t channels) {
  const Epilogue epilogue = *s.epilogue;
  s.epilogue = &epilogue;
  const auto lanes = static_cast<int64_t>(hn::Lanes(D()));
  int64_t at = 0;
  for (; at + lanes <= channels; at += lanes) add_pixels<false, kPixels>(s, run, at);
  run.channels = channels - at;
  if (run.channels > 0) add_pixels<true, kPixels>(s, run, at);
}

/// The channels [channel_begin, channel_end) of the pixels [ox, ox + pixels) of an output line,
/// where y begins; at most kMostRunPixels, and where they are several none reads beyond the line's
/// ends. Input line i is line i % ring of x; channel_begin is a multiple of the vector,
/// packed_lanes a power of two.
void depthwise_pixels(const ConvShape& shape, const float* x, int64_t ring, const float* weights,
                      int64_t packed_lanes, float* y, const Epilogue& epilogue, int64_t line,
                      int64_t ox, int64_t pixels, int64_t channel_begin, int64_t channel_end) {
  const int64_t top = line % shape.oh * shape.stride_h - shape.pad_top;
  const int64_t column = ox * shape.stride_w - shape.pad_left;
  int64_t ky_begin = 0;
  while (ky_begin < shape.kh && top + ky_begin * shape.dilation_h < 0) ++ky_begin;
  int64_t ky_end = shape.kh;
  while (ky_end > ky_begin && top + (ky_end - 1) * shape.dilation_h >= shape.h) --ky_end;
  const int64_t x_line = (line / shape.oh * shape.h + top + ky_begin * shape.dilation_h) % ring;

  Sizes s{};
  s.row = shape.dilation_h * shape.w * shape.x_pixel_stride;
  s.ring = ring * shape.w * shape.x_pixel_stride;
  s.tap = shape.dilation_w * shape.x_pixel_stride;
  s.pixel = shape.stride_w * shape.x_pixel_stride;
  s.y_pixel = shape.y_pixel_stride;
  s.residual_pixel = epilogue.residual_ld;
  s.kw = shape.kw;
  s.taps = shape.kh * shape.kw;
  s.packed_lanes = packed_lanes;
  s.epilogue = &epilogue;
  Run run{};
  run.x = x + (x_line * shape.w + column) * shape.x_pixel_stride + channel_begin;
  run.w = weights + channel_begin * s.taps + ky_begin * s.kw * packed_lanes;
  run.y = y + ox * s.y_pixel + channel_begin;
  if (epilogue.bias != nullptr) run.bias = epilogue.bias + channel_begin;
  if (epilogue.residual != nullptr) {
    run.residual = epilogue.residual + (line * shape.ow + ox) * s.residual_pixel + channel_begin;
  }
  run.rows = ky_end - ky_begin;
  run.wrap = divide_up(ring - x_line, shape.dilation_h);
  run.kx_end = shape.kw;
  while (run.kx_begin < run.kx_end && column + run.kx_begin * shape.dilation_w < 0) ++run.kx_begin;
  while (run.kx_end > run.kx_begin && column + (run.kx_end - 1) * shape.dilation_w >= shape.w)
    --run.kx_end;

  constexpr void (*functions[])(Sizes, Run, int64_t) = {add_pixels<1>, add_pixels<2>, add_pixels<3>,
                                                        add_pixels<4>, add_pixels<5>, add_pixels<6>,
                                                        add_pixels<7>};
  static_assert(std::size(functions) == kMostRunPixels);
  functions[pixels - 1](s, run, channel_end - channel_begin);
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

constexpr int64_t kLeastBlock = 64;     // channels
constexpr int64_t kGrainWork = 100000;  // multiply-adds worth waking a thread for

/// Runs of pixels side by side in a line; every line has the same.
struct Stretch {
  int64_t begin, pixels;  // pixels of each run
  int64_t runs;
  bool generated;   // else the runs have all their kernel columns inside the image, or one pixel
  int left, right;  // generated: columns outside
};

std::vector<Stretch> stretches_of(const ConvShape& shape, bool generated) {
  // Pixels [inner_begin, inner_end) have their whole kernel row inside the image.
  const int64_t last_start = shape.w - 1 - (shape.kw - 1) * shape.dilation_w + shape.pad_left;
  const int64_t inner_begin =
      std::min((shape.pad_left + shape.stride_w - 1) / shape.stride_w, shape.ow);
  const int64_t inner_end = std::clamp<int64_t>(
      last_start < 0 ? 0 : last_start / shape.stride_w + 1, inner_begin, shape.ow);
  const auto evenly = [](int64_t left) {
    return divide_up(left, divide_up(left, int64_t{kMostRunPixels}));
  };
  const auto next = [&](int64_t ox) -> Stretch {
    if (generated) {
      const int64_t pixels = evenly(shape.ow - ox);
      const int64_t column = ox * shape.stride_w - shape.pad_left;
      const int64_t end = column + (pixels - 1) * shape.stride_w + shape.kw;
      const int64_t left = std::max<int64_t>(-column, 0);
      const int64_t right = std::max<int64_t>(end - shape.w, 0);
      if (std::max(left, right) <= shape.kw / 2)
        return {ox, pixels, 1, true, static_cast<int>(left), static_cast<int>(right)};
    }
    const bool inner = !generated && ox >= inner_begin && ox < inner_end;
    return {ox, inner ? evenly(inner_end - ox) : 1, 1, false, 0, 0};
  };
  std::vector<Stretch> all;
  for (int64_t ox = 0; ox < shape.ow;) {
    const Stretch one = next(ox);
    ox += one.pixels;
    const bool same = !all.empty() && all.back().left + all.back().right == 0 && one.generated &&
                      all.back().generated && one.left + one.right == 0 &&
                      all.back().pixels == one.pixels;
    same ? void(++all.back().runs) : all.push_back(one);
  }
  return all;
}

class Depthwise final : public ConvKernel {
 public:
  Depthwise(const ConvShape& shape, Isa isa)
      : shape_(shape), isa_(isa), lanes_(lanes(isa)), padded_(align_up(shape.c, lanes_)) {
    // The input rows under a kernel are read kh times: of so many channels they stay in the
    // first-level cache; of fewer than that, all at once in order are faster. What the strips of
    // rows read and write stays in the second-level cache.
    const int64_t rows = (shape.kh - 1) * shape.dilation_h + 1 + shape.stride_h;
    const int64_t channel_bytes = 4 * (rows * shape.w + shape.ow);
    const int64_t most = cache_sizes().l1 * 3 / 4 / channel_bytes;
    block_ = most < kLeastBlock ? shape.c : divide_up(shape.c, divide_up(shape.c, most));
    block_ = align_up(block_, lanes_);
    const int64_t line_bytes = 4 * shape.c * (shape.stride_h * shape.w + shape.ow);
    strip_ = std::max<int64_t>(cache_sizes().l2 / 4 / line_bytes, 1);
    may_generate_ = isa != Isa::baseline && (shape.kw == 3 || shape.kw == 5) &&
                    shape.kh <= kMostRunRows && shape.stride_w <= 2 && shape.dilation_w == 1;
    stretches_ = stretches_of(shape, may_generate_);
    fetches_ = shape.pixels() * shape.c * 4 > cache_sizes().l2 / 2;
  }

  std::string_view name() const override { return "depthwise"; }
  int64_t packed_bytes() const override { return shape_.kh * shape_.kw * padded_ * 4; }

  /// Into [vector][row][column][lanes].
  void pack(const float* weights, float* packed, ThreadPool*) const override {
    const int64_t taps = shape_.kh * shape_.kw;
    std::fill_n(packed, taps * padded_, 0.0f);
    for (int64_t c = 0; c < shape_.c; ++c) {
      float* to = packed + c / lanes_ * lanes_ * taps + c % lanes_;
      for (int64_t tap = 0; tap < taps; ++tap) to[tap * lanes_] = weights[c * taps + tap];
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
    const int64_t y_line = shape_.ow * shape_.y_pixel_stride;
    for (int64_t channel = 0; channel < shape_.c; channel += block_) {
      const Channels channels{channel, std::min(shape_.c, channel + block_)};
      for (int64_t line = lines.begin; line < lines.end; ++line) {
        run_line({x, ring, packed, y + (line - lines.begin) * y_line, epilogue}, line, channels);
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
  struct Channels {
    int64_t begin, end;
  };
  /// The input lines under an output line that are inside the image, from kernel row `first` on.
  struct Rows {
    std::array<const float*, kMostRunRows> x;
    int count = 0;
    int64_t first = 0;
  };
  struct Line {
    const float* x;
    int64_t ring;
    const float* packed;
    float* y;  // of the line
    const Epilogue& epilogue;
  };

  void run_line(const Line& at, int64_t line, Channels channels) const {
    const int64_t image = line / shape_.oh, oy = line - image * shape_.oh;
    Rows rows;
    for (int64_t ky = 0; may_generate_ && ky < shape_.kh; ++ky) {
      const int64_t iy = oy * shape_.stride_h - shape_.pad_top + ky * shape_.dilation_h;
      if (iy < 0 || iy >= shape_.h) continue;
      if (rows.count == 0) rows.first = ky;
      rows.x[static_cast<size_t>(rows.count++)] =
          at.x + (image * shape_.h + iy) % at.ring * shape_.w * shape_.x_pixel_stride;
    }
    DepthwiseRunArgs args = arguments(at.epilogue);
    for (const Stretch& stretch : stretches_) {
      if (stretch.generated && rows.count > 0 &&
          run_generated(at, line, rows, stretch, channels, args))
        continue;
      const int64_t step = stretch.generated ? 1 : stretch.pixels;
      for (int64_t i = 0; i < stretch.runs * stretch.pixels; i += step) {
        DRAWBAR_SIMD_FOR(isa_, depthwise_pixels)
        (shape_, at.x, at.ring, at.packed, lanes_, at.y, at.epilogue, line, stretch.begin + i, step,
         channels.begin, channels.end);
      }
    }
  }

  /// What all calls have in common.
  DepthwiseRunArgs arguments(const Epilogue& epilogue) const {
    DepthwiseRunArgs args;
    args.w_step = shape_.kh * shape_.kw * lanes_ * 4;
    args.x_pixel = shape_.x_pixel_stride * 4;
    args.y_pixel = shape_.y_pixel_stride * 4;
    args.residual_pixel = epilogue.residual_ld * 4;
    args.accumulate = epilogue.accumulate ? 1 : 0;
    args.activation = static_cast<int64_t>(epilogue.activation);
    args.alpha = epilogue.alpha;
    args.beta = epilogue.beta;
    return args;
  }

  /// False where code cannot be generated.
  bool run_generated(const Line& at, int64_t line, const Rows& rows, const Stretch& stretch,
                     Channels channels, DepthwiseRunArgs& args) const {
    DepthwiseRunShape kernel{.isa = isa_,
                             .width = static_cast<int>(shape_.kw),
                             .stride = static_cast<int>(shape_.stride_w),
                             .rows = rows.count,
                             .pixels = static_cast<int>(stretch.pixels),
                             .left = stretch.left,
                             .right = stretch.right,
                             .fetches = fetches_};
    const Epilogue& epilogue = at.epilogue;
    const int64_t column = stretch.begin * shape_.stride_w - shape_.pad_left;
    args.x_step = stretch.pixels * shape_.stride_w * args.x_pixel;
    args.y_step = stretch.pixels * args.y_pixel;
    args.residual_step = stretch.pixels * args.residual_pixel;
    const auto from = [&](int64_t channel, int64_t vectors) {
      const DepthwiseRun run = depthwise_run(kernel);
      if (run == nullptr) return false;
      for (int r = 0; r < rows.count; ++r) {
        args.x[r] = rows.x[static_cast<size_t>(r)] + column * shape_.x_pixel_stride + channel;
      }
      args.w = at.packed + (channel * shape_.kh + rows.first * lanes_) * shape_.kw;
      args.y = at.y + stretch.begin * shape_.y_pixel_stride + channel;
      if (epilogue.bias != nullptr) args.bias = epilogue.bias + channel;
      if (epilogue.residual != nullptr) {
        args.residual =
            epilogue.residual + (line * shape_.ow + stretch.begin) * epilogue.residual_ld + channel;
      }
      args.vectors = vectors;
      args.runs = stretch.runs;
      run(&args);
      return true;
    };
    const int64_t count = channels.end - channels.begin, whole = count / lanes_;
    if (whole > 0 && !from(channels.begin, whole)) return false;
    args.channels = count % lanes_;
    if (args.channels == 0) return true;
    kernel.part_of_vector = true;
    return from(channels.begin + whole * lanes_, 1);
  }

  ConvShape shape_;
  Isa isa_;
  int64_t lanes_, padded_;
  int64_t block_ = 1;  // channels
  int64_t strip_ = 1;  // output rows
  bool may_generate_ = false;
  std::vector<Stretch> stretches_;
  bool fetches_ = false;  // outputs, which the second-level cache does not hold
};

}  // namespace

std::unique_ptr<ConvKernel> make_depthwise(const ConvShape& shape, Isa isa) {
  if (shape.groups <= 1 || shape.groups != shape.c || shape.m != shape.c) return nullptr;
  return std::make_unique<Depthwise>(shape, isa);
}

}  // namespace drawbar::cpu
#endif

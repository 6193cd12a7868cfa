// Depthwise convolution of bytes, channels-last: each output pixel from pointers to the pixels
// under its taps, padding pointing at zero points.
#include <algorithm>
#include <numeric>
#include <utility>

#include "ops/conv/kernels/taps.h"
#include "ops/integer_conv/cpu_depthwise_lines.h"
#include "ops/integer_conv/cpu_operands.h"

namespace drawbar::cpu {
namespace {

constexpr int64_t kPiece = 64;      // pixels whose pointers are written at once
constexpr int64_t kLeastLine = 10;  // pixels, of which enough lie inside the image

bool applies(const Problem& p) {
  const int64_t c = p.inputs[ByteOperands::kX].rank() == 4 ? p.inputs[ByteOperands::kX].dim(1) : 0;
  return ByteConvolution::group(p) == c && ByteConvolution(p).applies(p) &&
         p.outputs[0].dim(1) == c && p.outputs[0].type != ElementType::i32;
}

double seconds(const Problem& p) {
  return ByteConvolution(p).shape(p).multiply_adds() / 40e9 / p.threads + 2e-6;
}

class DepthwiseByteConv final : public Kernel {
 public:
  explicit DepthwiseByteConv(const Problem& p)
      : at_(p),
        shape_(at_.shape(p)),
        taps_{shape_.kh, shape_.kw, shape_.stride_w == shape_.dilation_w},
        zero_(weights_zero(at_.w_zero(p), p.inputs[at_.w_input].type)),
        lines_(shape_.c, taps_, way_for(p), p.isa),
        threads_(p.threads) {
    const auto bytes = static_cast<size_t>(sums_at() + shape_.c * 4);
    packed_ = p.packed.get(
        p.inputs[at_.w_input].constant, form(p), bytes, [&](const Tensor& source, void* packed) {
          const std::vector<int16_t> w = weights(source);
          auto* sums = reinterpret_cast<int32_t*>(static_cast<std::byte*>(packed) + sums_at());
          for (int64_t c = 0; c < shape_.c; ++c) {
            const auto* from = w.data() + c * taps_.count();
            sums[c] = std::accumulate(from, from + taps_.count(), 0);
          }
          lines_.pack(w.data(), packed);
        });
  }

  size_t scratch_bytes() const override {
    return static_cast<size_t>(lists_at() + threads_ * list_bytes());
  }
  uint32_t packed_inputs() const override { return 1U << at_.w_input; }

  void run(const KernelRun& run) const override {
    auto* memory = static_cast<std::byte*>(run.scratch);
    auto* offset = reinterpret_cast<int32_t*>(memory);
    auto* multiplier = reinterpret_cast<float*>(offset + lines_.places());
    auto* addend = multiplier + lines_.places();
    auto* numbers = addend + lines_.places();  // of channels, before they are arranged
    std::byte* padding = memory + padding_at();
    const ByteScales scales = at_.scales(run);
    std::fill_n(padding, shape_.c, static_cast<std::byte>(scales.x_zero));
    auto* offsets = reinterpret_cast<int32_t*>(numbers + shape_.c);
    byte_factors(scales, reinterpret_cast<const int32_t*>(packed_.get() + sums_at()),
                 is_signed() ? 128 : 0, shape_.c, offsets, numbers);
    lines_.arrange(offsets, offset);
    lines_.arrange(numbers, multiplier);
    const bool to_f32 = at_.y == ElementType::f32;
    std::fill_n(addend, lines_.places(), 0.0f);
    if (scales.addend != nullptr) lines_.arrange(scales.addend, addend);
    const DepthwiseBytes::Finish finish{
        offset,
        multiplier,
        to_f32 ? addend : nullptr,
        scales.y_zero,
        at_.y == ElementType::i8,
        is_bounded({.multiplier = multiplier, .addend = addend}, lines_.places())};
    const int64_t y_stride = shape_.y_pixel_stride * bits(at_.y) / 8;
    const auto* x = run.in<std::byte>(ByteOperands::kX);
    auto* y = run.out<std::byte>(0);
    run.pool.parallel_for(shape_.pixels(), kPiece, [&](int64_t begin, int64_t end, int worker) {
      auto** list =
          reinterpret_cast<const std::byte**>(memory + lists_at() + worker * list_bytes());
      const auto run_listed = [&](int64_t first, int64_t last) {
        for (int64_t at = first; at < last; at += kPiece)
          run_pixels(x, padding, at, std::min(kPiece, last - at), list, finish, y, y_stride);
      };
      if (!lines_.takes_lines() || shape_.ow < kLeastLine) return run_listed(begin, end);
      int64_t done = begin;
      for_each_row_run(shape_, begin, end - begin,
                       [&](int64_t row, int64_t pixels, int64_t image, int64_t oy, int64_t ox) {
                         const auto [low, high] = pixels_inside(oy, ox, pixels);
                         if (low == high) return;
                         const int64_t first = begin + row + low;
                         run_listed(done, first);
                         done = begin + row + high;
                         lines_.run(line(x, image, oy, ox + low, high - low), packed_.get(), finish,
                                    y + first * y_stride, y_stride);
                       });
      run_listed(done, end);
    });
  }

 private:
  /// Pixels [at, at + count), at most kPiece, whose pointers `list` has room for.
  void run_pixels(const std::byte* x, const std::byte* padding, int64_t at, int64_t count,
                  const std::byte** list, const DepthwiseBytes::Finish& finish, std::byte* y,
                  int64_t y_stride) const {
    fill_taps(shape_, x, padding, at, count, list);
    std::fill_n(list + taps_.count() * count, count, padding);
    bool has_next[kPiece];
    std::fill_n(has_next, count, true);
    for (int64_t i = shape_.ow - 1 - at % shape_.ow; i < count; i += shape_.ow) has_next[i] = false;
    has_next[count - 1] = false;
    const DepthwiseBytes::Pixels pixels{list, count, has_next, is_signed()};
    lines_.run(pixels, packed_.get(), finish, y + at * y_stride, y_stride);
  }

  /// Of so many pixels from (oy, ox) of a row those that read the image alone, from the first to
  /// behind the last; where taps slide, an even number, as the last one's neighbour is read, too.
  std::pair<int64_t, int64_t> pixels_inside(int64_t oy, int64_t ox, int64_t pixels) const {
    const int64_t y = oy * shape_.stride_h - shape_.pad_top;
    if (y < 0 || y + (shape_.kh - 1) * shape_.dilation_h >= shape_.h) return {0, 0};
    const int64_t x = ox * shape_.stride_w - shape_.pad_left,
                  reach = (shape_.kw - 1) * shape_.dilation_w;
    const int64_t low = std::clamp<int64_t>(ceil_divide(-x, shape_.stride_w), 0, pixels);
    int64_t high =
        std::clamp<int64_t>(ceil_divide(shape_.w - reach - x, shape_.stride_w), low, pixels);
    if (taps_.slides) high -= (high - low) % 2;
    return {low, high};
  }

  DepthwiseBytes::Line line(const std::byte* x, int64_t image, int64_t oy, int64_t ox,
                            int64_t count) const {
    const int64_t pixel = shape_.x_pixel_stride, row = shape_.w * pixel;
    const int64_t iy = image * shape_.h + oy * shape_.stride_h - shape_.pad_top,
                  ix = ox * shape_.stride_w - shape_.pad_left;
    return {x + iy * row + ix * pixel, count,
            shape_.dilation_h * row,   shape_.dilation_w * pixel,
            shape_.stride_w * pixel,   is_signed()};
  }

  std::string form(const Problem& p) const {
    return fmt::format("bytes depthwise {}{} c={} kernel={}x{}{} zero={}", cpu::name(p.isa),
                       has_byte_dots(p.isa) ? " dots" : "", shape_.c, taps_.kh, taps_.kw,
                       taps_.slides ? " sliding" : "", zero_->hash().hex());
  }

  /// [channels][taps], zero points taken off.
  std::vector<int16_t> weights(const Tensor& w) const {
    const Tensor& zeros = zero_->tensor();
    std::vector<int16_t> numbers(static_cast<size_t>(shape_.c * taps_.count()));
    for (int64_t i = 0; i < std::ssize(numbers); ++i) {
      const int64_t channel = zeros.size() > 1 ? i / taps_.count() : 0;
      numbers[static_cast<size_t>(i)] = static_cast<int16_t>(
          byte_at(w.raw(), w.type(), i) - byte_at(zeros.raw(), zeros.type(), channel));
    }
    return numbers;
  }

  /// Chosen by the weights, and kept, as these need not be at hand later.
  DepthwiseBytes::Way way_for(const Problem& p) const {
    const auto kept = p.packed.get(p.inputs[at_.w_input].constant, form(p) + " way", 1,
                                   [&](const Tensor& source, void* packed) {
                                     const auto way = DepthwiseBytes::way_for(
                                         weights(source).data(), shape_.c, taps_, p.isa);
                                     *static_cast<std::byte*>(packed) = static_cast<std::byte>(way);
                                   });
    const auto way = static_cast<DepthwiseBytes::Way>(*kept.get());
    if (!DepthwiseBytes::is_possible(way, shape_.c, taps_, p.isa))
      fail(ErrorCode::invalid_model, "engine: the way of packed depthwise weights is damaged");
    return way;
  }

  int64_t sums_at() const { return align_up(lines_.packed_bytes(), 64); }
  int64_t padding_at() const { return align_up(lines_.places() * 12 + shape_.c * 8, 64); }
  int64_t lists_at() const { return align_up(padding_at() + shape_.c, 64); }
  int64_t list_bytes() const { return kPiece * (taps_.count() + 1) * 8; }

  bool is_signed() const { return at_.x == ElementType::i8; }

  ByteConvolution at_;
  ConvShape shape_;
  DepthwiseBytes::Taps taps_;
  ConstantPtr zero_;  // of the weights
  DepthwiseBytes lines_;
  int threads_;
  PackedConstants::Buffer packed_;  // weights, and behind them the sum of each channel's
};

std::unique_ptr<Kernel> make(const Problem& p) { return std::make_unique<DepthwiseByteConv>(p); }

}  // namespace

DRAWBAR_CPU_TACTIC(depthwise_bytes, .op = "QLinearConv", .name = "conv_depthwise_bytes",
                   .applies = applies, .seconds = seconds, .make = make, .writes_slices = true);

}  // namespace drawbar::cpu

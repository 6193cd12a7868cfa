// Depthwise convolution of bytes, channels-last: each output pixel from pointers to the pixels
// under its taps, padding pointing at zero points.
#include "ops/conv/kernels/taps.h"
#include "ops/integer_conv/cpu_depthwise_lines.h"
#include "ops/integer_conv/cpu_operands.h"

namespace drawbar::cpu {
namespace {

constexpr int64_t kPiece = 64;  // pixels whose pointers are written at once

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
        taps_(shape_.kh * shape_.kw),
        lines_(shape_.c, taps_, p.isa),
        threads_(p.threads) {
    const Operand& weights = p.inputs[at_.w_input];
    const ConstantPtr& w = weights.constant;
    const ConstantPtr zero = weights_zero(at_.w_zero(p), weights.type);
    const std::string form = fmt::format("bytes depthwise {} c={} taps={} zero={}",
                                         cpu::name(p.isa), shape_.c, taps_, zero->hash().hex());
    const auto bytes = static_cast<size_t>(sums_at() + shape_.c * 4);
    packed_ = p.packed.get(w, form, bytes, [&](const Tensor& source, void* packed) {
      std::vector<int16_t> numbers(static_cast<size_t>(shape_.c * taps_));
      auto* sums = reinterpret_cast<int32_t*>(static_cast<std::byte*>(packed) + sums_at());
      const Tensor& zeros = zero->tensor();
      for (int64_t c = 0; c < shape_.c; ++c) {
        const int32_t off = byte_at(zeros.raw(), zeros.type(), zeros.size() > 1 ? c : 0);
        sums[c] = 0;
        for (int64_t i = c * taps_; i < (c + 1) * taps_; ++i) {
          const int32_t value = byte_at(source.raw(), source.type(), i) - off;
          numbers[static_cast<size_t>(i)] = static_cast<int16_t>(value);
          sums[c] += value;
        }
      }
      lines_.pack(numbers.data(), static_cast<int16_t*>(packed));
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
    const DepthwiseBytes::Finish finish{offset, multiplier, to_f32 ? addend : nullptr,
                                        scales.y_zero, at_.y == ElementType::i8};
    const int64_t y_stride = shape_.y_pixel_stride * bits(at_.y) / 8;
    const auto* x = run.in<std::byte>(ByteOperands::kX);
    const auto* weights = reinterpret_cast<const int16_t*>(packed_.get());
    auto* y = run.out<std::byte>(0);
    run.pool.parallel_for(shape_.pixels(), kPiece, [&](int64_t begin, int64_t end, int worker) {
      auto** list =
          reinterpret_cast<const std::byte**>(memory + lists_at() + worker * list_bytes());
      for (int64_t at = begin; at < end; at += kPiece) {
        const int64_t count = std::min(kPiece, end - at);
        fill_taps(shape_, x, static_cast<const std::byte*>(padding), at, count, list);
        std::fill_n(list + taps_ * count, count, padding);
        lines_.run(list, count, is_signed(), weights, finish, y + at * y_stride, y_stride);
      }
    });
  }

 private:
  int64_t sums_at() const { return align_up(lines_.weights() * 2, 64); }
  int64_t padding_at() const { return align_up(lines_.places() * 12 + shape_.c * 8, 64); }
  int64_t lists_at() const { return align_up(padding_at() + shape_.c, 64); }
  int64_t list_bytes() const { return kPiece * (taps_ + 1) * 8; }

  bool is_signed() const { return at_.x == ElementType::i8; }

  ByteConvolution at_;
  ConvShape shape_;
  int64_t taps_;
  DepthwiseBytes lines_;
  int threads_;
  PackedConstants::Buffer packed_;  // weights, and behind them the sum of each channel's
};

std::unique_ptr<Kernel> make(const Problem& p) { return std::make_unique<DepthwiseByteConv>(p); }

}  // namespace

DRAWBAR_CPU_TACTIC(depthwise_bytes, .op = "QLinearConv", .name = "conv_depthwise_bytes",
                   .applies = applies, .seconds = seconds, .make = make, .writes_slices = true);

}  // namespace drawbar::cpu

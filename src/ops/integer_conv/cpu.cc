// Convolution of bytes as a product of bytes (gemm/bytes.h) whose rows are given by a pointer per
// tap and output pixel, padding pointing at zero points. Channels-last. Few input channels are
// copied into an image with its padding first, where a row of the kernel lies in one piece: a
// stem's 7 × 7 taps of 3 bytes become 7 of 21.
#include <cstring>

#include "ops/conv/kernels/planned_conv.h"
#include "ops/conv/kernels/taps.h"
#include "ops/integer_conv/op.h"
#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/bytes.h"

namespace drawbar::cpu {
namespace {

using ops::QLinearConv;

DRAWBAR_CPU_LAYOUT(QLinearConv, channels_last);

enum Input : size_t { kX, kXScale, kXZero, kW, kWScale, kWZero, kYScale, kYZero, kBias };

bool is_byte(ElementType type) { return type == ElementType::u8 || type == ElementType::i8; }

int32_t byte_at(const void* bytes, ElementType type, int64_t i) {
  return type == ElementType::i8 ? static_cast<const int8_t*>(bytes)[i]
                                 : static_cast<const uint8_t*>(bytes)[i];
}

ConvShape shape_of(const Problem& problem) {
  const auto& op = *problem.op.as<QLinearConv>();
  return conv_shape(ops::convolution_window(op, problem.inputs[kW].shape), op.group,
                    problem.inputs[kX], problem.outputs[0]);
}

bool applies(const Problem& p) {
  const Operand &x = p.inputs[kX], &w = p.inputs[kW], &y = p.outputs[0];
  if (x.rank() != 4 || !is_byte(x.type) || !is_byte(w.type) || !is_byte(y.type)) return false;
  if (x.layout != Layout::channels_last || y.layout != Layout::channels_last) return false;
  if (!w.constant || !p.inputs[kWZero].constant || w.layout != Layout::row_major) return false;
  return p.op.as<QLinearConv>()->group == 1 && w.size() > 0 && y.size() > 0;
}

double seconds(const Problem& p) {
  // About what tiles reach, a third of it for dots, less for pairs.
  const ByteUnit unit = byte_unit(p.isa);
  const double rate = unit == ByteUnit::tiles ? 800e9 : unit == ByteUnit::dots ? 250e9 : 80e9;
  return shape_of(p).multiply_adds() / rate / p.threads + 2e-6;
}

/// The weights packed, and behind them the sum of each column.
class Weights {
 public:
  Weights(const Problem& p, const ConvShape& shape)
      : taps_(shape.kh * shape.kw), c_(shape.c), m_(shape.m) {
    const ConstantPtr &w = p.inputs[kW].constant, &zero = p.inputs[kWZero].constant;
    b_.k = taps_ * c_;
    b_.n = m_;
    b_.isa = p.isa;
    b_.unit = byte_unit(p.isa);
    b_.parts = parts(*w, zero->tensor());
    const int64_t bytes = packed_size(b_);
    const std::string form =
        fmt::format("bytes {} {} k={} n={} taps={} parts={} zero={}", cpu::name(p.isa),
                    cpu::name(b_.unit), b_.k, b_.n, taps_, b_.parts, zero->hash().hex());
    memory_ = p.packed.get(
        w, form, static_cast<size_t>(bytes + m_ * 4), [&](const Tensor& source, void* packed) {
          const std::vector<int16_t> numbers = without_zero(source, zero->tensor());
          pack_bytes(numbers.data(), b_, static_cast<std::byte*>(packed));
          auto* sums = reinterpret_cast<int32_t*>(static_cast<std::byte*>(packed) + bytes);
          std::fill_n(sums, m_, 0);
          for (int64_t i = 0; i < b_.k; ++i) {
            for (int64_t j = 0; j < m_; ++j) sums[j] += numbers[static_cast<size_t>(i * m_ + j)];
          }
        });
    b_.data = memory_.get();
  }

  const PackedBytes& matrix() const { return b_; }
  const int32_t* column_sums() const {
    return reinterpret_cast<const int32_t*>(memory_.get() + packed_size(b_));
  }

 private:
  /// What all weights of their type need, without looking at them; of pairs, what these need.
  int64_t parts(const Constant& w, const Tensor& zero) const {
    if (b_.unit == ByteUnit::pairs) {
      const std::vector<int16_t> numbers = without_zero(w.tensor(), zero);
      return parts_for(numbers.data(), b_.k, b_.n, b_.unit);
    }
    int64_t most = 1;
    for (int64_t i = 0; i < zero.size(); ++i) {
      const int32_t off = byte_at(zero.raw(), zero.type(), i);
      const int32_t least = w.type() == ElementType::i8 ? -128 : 0;
      const int16_t ends[] = {static_cast<int16_t>(least - off),
                              static_cast<int16_t>(least + 255 - off)};
      most = std::max(most, parts_for(ends, 2, 1, b_.unit));
    }
    return most;
  }

  /// [taps][c][m], the zero point of each output channel taken off.
  std::vector<int16_t> without_zero(const Tensor& w, const Tensor& zero) const {
    std::vector<int16_t> numbers(static_cast<size_t>(b_.k * m_));
    for (int64_t m = 0; m < m_; ++m) {
      const int32_t off = byte_at(zero.raw(), zero.type(), zero.size() > 1 ? m : 0);
      for (int64_t c = 0; c < c_; ++c) {
        for (int64_t tap = 0; tap < taps_; ++tap) {
          const int32_t value = byte_at(w.raw(), w.type(), (m * c_ + c) * taps_ + tap);
          numbers[static_cast<size_t>((tap * c_ + c) * m_ + m)] = static_cast<int16_t>(value - off);
        }
      }
    }
    return numbers;
  }

  int64_t taps_, c_, m_;
  PackedBytes b_;
  PackedConstants::Buffer memory_;
};

class ByteConv final : public Kernel {
 public:
  explicit ByteConv(const Problem& p)
      : shape_(shape_of(p)),
        weights_(p, shape_),
        x_type_(p.inputs[kX].type),
        y_type_(p.outputs[0].type),
        w_scales_(p.inputs[kWScale].size()),
        columns_(align_up(shape_.m, panel_width(p.isa))),
        threads_(p.threads) {
    merges_rows_ = shape_.c < kFewChannels && shape_.kw > 1 && shape_.dilation_w == 1;
    padded_h_ = (shape_.oh - 1) * shape_.stride_h + (shape_.kh - 1) * shape_.dilation_h + 1;
    padded_w_ = (shape_.ow - 1) * shape_.stride_w + shape_.kw;
  }

  size_t scratch_bytes() const override {
    return static_cast<size_t>(parameter_bytes() + image_bytes() +
                               multiply_bytes_scratch(shape_.pixels(), taps(), tap_bytes(),
                                                      is_signed(), weights_.matrix(), threads_));
  }
  uint32_t packed_inputs() const override { return 1U << kW; }

  void run(const KernelRun& run) const override {
    auto* memory = static_cast<std::byte*>(run.scratch);
    auto* offset = reinterpret_cast<int32_t*>(memory);
    auto* multiplier = reinterpret_cast<float*>(offset + columns_);
    float* addend = multiplier + columns_;
    auto* padding = reinterpret_cast<std::byte*>(addend + columns_);
    const int32_t x_zero = run.inputs[kXZero] ? byte_at(run.inputs[kXZero], x_type_, 0) : 0;
    const int32_t y_zero = byte_at(run.inputs[kYZero], y_type_, 0);
    std::memset(padding, x_zero, static_cast<size_t>(shape_.c));

    const auto* x = run.in<std::byte>(kX);
    std::byte* image = memory + parameter_bytes();
    if (merges_rows_) copy_image(x, static_cast<std::byte>(x_zero), image, run.pool);
    const auto fill = [&](int64_t begin, int64_t count, const std::byte** list) {
      if (merges_rows_) return fill_rows(image, begin, count, list);
      fill_taps(shape_, x, static_cast<const std::byte*>(padding), begin, count, list);
    };
    const ByteRows rows{taps(), tap_bytes(), is_signed(), fill};
    const int32_t shift = x_zero + (adds_128(rows, weights_.matrix()) ? 128 : 0);
    const float x_scale = *run.in<float>(kXScale), y_scale = *run.in<float>(kYScale);
    const auto* w_scale = run.in<float>(kWScale);
    const int32_t* bias = run.inputs.size() > kBias ? run.in<int32_t>(kBias) : nullptr;
    for (int64_t j = 0; j < shape_.m; ++j) {
      offset[j] = (bias ? bias[j] : 0) - shift * weights_.column_sums()[j];
      multiplier[j] = x_scale * w_scale[w_scales_ > 1 ? j : 0] / y_scale;
      addend[j] = 0;
    }
    ByteEpilogue epilogue;
    epilogue.offset = offset;
    epilogue.multiplier = multiplier;
    epilogue.addend = addend;
    epilogue.to = y_type_;
    epilogue.zero = y_zero;
    epilogue.low = y_type_ == ElementType::i8 ? -128 : 0;
    epilogue.high = y_type_ == ElementType::i8 ? 127 : 255;
    multiply_bytes(shape_.pixels(), rows, weights_.matrix(), run.outputs[0], shape_.y_pixel_stride,
                   epilogue, image + image_bytes(), &run.pool);
  }

 private:
  static constexpr int64_t kFewChannels = 16;

  int64_t taps() const { return merges_rows_ ? shape_.kh : shape_.kh * shape_.kw; }
  int64_t tap_bytes() const { return merges_rows_ ? shape_.kw * shape_.c : shape_.c; }
  int64_t line_bytes() const { return padded_w_ * shape_.c; }
  int64_t image_bytes() const {
    return merges_rows_ ? align_up(shape_.n * padded_h_ * line_bytes(), 64) : 0;
  }

  /// As much of x as the taps see, with its padding.
  void copy_image(const std::byte* x, std::byte zero, std::byte* image, ThreadPool& pool) const {
    const int64_t c = shape_.c, left = std::min(shape_.pad_left, padded_w_);
    const int64_t width = std::clamp<int64_t>(padded_w_ - left, 0, shape_.w);
    pool.parallel_for(shape_.n * padded_h_, 8, [&](int64_t begin, int64_t end, int) {
      for (int64_t line = begin; line < end; ++line) {
        const int64_t y = line % padded_h_ - shape_.pad_top;
        std::byte* to = image + line * line_bytes();
        if (y < 0 || y >= shape_.h) {
          std::fill_n(to, line_bytes(), zero);
          continue;
        }
        const std::byte* from =
            x + (line / padded_h_ * shape_.h + y) * shape_.w * shape_.x_pixel_stride;
        std::fill_n(to, left * c, zero);
        std::copy_n(from, width * c, to + left * c);  // c is x's pixel stride
        std::fill_n(to + (left + width) * c, line_bytes() - (left + width) * c, zero);
      }
    });
  }

  /// The pointers of output pixels for each row of the kernel, into such an image.
  void fill_rows(const std::byte* image, int64_t begin, int64_t count,
                 const std::byte** list) const {
    for_each_row_run(
        shape_, begin, count, [&](int64_t row, int64_t run, int64_t n, int64_t oy, int64_t ox) {
          for (int64_t ky = 0; ky < shape_.kh; ++ky) {
            const int64_t y = oy * shape_.stride_h + ky * shape_.dilation_h;
            const std::byte* from = image + (n * padded_h_ + y) * line_bytes();
            for (int64_t i = 0; i < run; ++i) {
              list[ky * count + row + i] = from + (ox + i) * shape_.stride_w * shape_.c;
            }
          }
        });
  }

  bool is_signed() const { return x_type_ == ElementType::i8; }
  int64_t parameter_bytes() const { return align_up(3 * columns_ * 4 + shape_.c, 64); }

  ConvShape shape_;
  Weights weights_;
  ElementType x_type_, y_type_;
  int64_t w_scales_;
  int64_t columns_;
  int threads_;
  bool merges_rows_ = false;
  int64_t padded_h_ = 0, padded_w_ = 0;  // of the copied image
};

std::unique_ptr<Kernel> make(const Problem& p) { return std::make_unique<ByteConv>(p); }

}  // namespace

DRAWBAR_CPU_TACTIC(bytes, .op = "QLinearConv", .name = "conv_bytes", .applies = applies,
                   .seconds = seconds, .make = make, .writes_slices = true);

}  // namespace drawbar::cpu

// Convolution of bytes as a product of bytes (targets/cpu/gemm/bytes.h) whose rows are given by a
// pointer per tap and output pixel, padding pointing at zero points. Channels-last. Few input
// channels are copied into an image with its padding first, where a row of the kernel lies in one
// piece: a stem's 7 × 7 taps of 3 bytes become 7 of 21.
#include "ops/conv/kernels/taps.h"
#include "ops/integer_conv/cpu_operands.h"

namespace drawbar::cpu {
namespace {

using ops::QLinearConv;

DRAWBAR_CPU_LAYOUT(QLinearConv, channels_last);

bool applies(const Problem& p) { return p.op.as<QLinearConv>()->group == 1 && is_byte_conv(p); }

double seconds(const Problem& p) {
  return byte_product_seconds(byte_conv_shape(p).multiply_adds(), p.isa, p.threads);
}

/// The weights [m, c, taps] as [taps · c][m], for rows of so many runs.
ByteProduct product_of(const Problem& p, const ConvShape& shape, int64_t runs) {
  const int64_t taps = shape.kh * shape.kw, c = shape.c;
  const auto index = [=](int64_t i, int64_t j) { return (j * c + i % c) * taps + i / c; };
  return {p,
          p.inputs[kW],
          p.inputs[kWZero],
          taps * c,
          shape.m,
          runs,
          fmt::format("taps={}", taps),
          index,
          p.inputs[kX].type,
          p.outputs[0].type};
}

constexpr int64_t kFewChannels = 16;
constexpr double kMostPadding = 4;  // times the image is worth copying with its padding

/// Height and width of the part of a padded image that the taps see.
int64_t padded_height(const ConvShape& s) {
  return (s.oh - 1) * s.stride_h + (s.kh - 1) * s.dilation_h + 1;
}
int64_t padded_width(const ConvShape& s) { return (s.ow - 1) * s.stride_w + s.kw; }

/// Whether the image is copied so that a row of the kernel lies in one piece.
bool merges_rows(const ConvShape& s) {
  const auto area = [](int64_t h, int64_t w) {
    return static_cast<double>(h) * static_cast<double>(w);
  };
  return s.c < kFewChannels && s.kw > 1 && s.dilation_w == 1 &&
         area(padded_height(s), padded_width(s)) <= kMostPadding * area(s.h + 16, s.w + 16);
}

class ByteConv final : public Kernel {
 public:
  explicit ByteConv(const Problem& p)
      : shape_(byte_conv_shape(p)),
        merges_rows_(merges_rows(shape_)),
        padded_h_(padded_height(shape_)),
        padded_w_(padded_width(shape_)),
        product_(product_of(p, shape_, taps())),
        x_type_(p.inputs[kX].type),
        y_type_(p.outputs[0].type),
        w_scales_(p.inputs[kWScale].size()),
        threads_(p.threads) {}

  size_t scratch_bytes() const override {
    return static_cast<size_t>(
        image_bytes() + product_.scratch_bytes(shape_.pixels(), taps(), tap_bytes(), threads_));
  }
  uint32_t packed_inputs() const override { return 1U << kW; }

  void run(const KernelRun& run) const override {
    auto* image = static_cast<std::byte*>(run.scratch);
    const ByteScales scales = byte_conv_scales(run, x_type_, y_type_, w_scales_);
    const auto* x = run.in<std::byte>(kX);
    const auto zero = static_cast<std::byte>(scales.x_zero);
    if (merges_rows_) {
      copy_image(x, zero, image, run.pool);
    } else {
      std::fill_n(image, shape_.c, zero);
    }
    const auto fill = [&](int64_t begin, int64_t count, const std::byte** list) {
      if (merges_rows_) return fill_rows(image, begin, count, list);
      fill_taps(shape_, x, static_cast<const std::byte*>(image), begin, count, list);
    };
    const ByteRows rows{taps(), tap_bytes(), x_type_ == ElementType::i8, fill};
    product_.run(shape_.pixels(), rows, scales, run.outputs[0], shape_.y_pixel_stride,
                 image + image_bytes(), run.pool);
  }

 private:
  int64_t taps() const { return merges_rows_ ? shape_.kh : shape_.kh * shape_.kw; }
  int64_t tap_bytes() const { return merges_rows_ ? shape_.kw * shape_.c : shape_.c; }
  int64_t line_bytes() const { return padded_w_ * shape_.c; }
  /// The copied image, or the pixel that padding points at.
  int64_t image_bytes() const {
    return align_up(merges_rows_ ? shape_.n * padded_h_ * line_bytes() : shape_.c, 64);
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

  ConvShape shape_;
  bool merges_rows_;
  int64_t padded_h_, padded_w_;  // of the copied image
  ByteProduct product_;
  ElementType x_type_, y_type_;
  int64_t w_scales_;
  int threads_;
};

std::unique_ptr<Kernel> make(const Problem& p) { return std::make_unique<ByteConv>(p); }

}  // namespace

DRAWBAR_CPU_TACTIC(bytes, .op = "QLinearConv", .name = "conv_bytes", .applies = applies,
                   .seconds = seconds, .make = make, .writes_slices = true);

}  // namespace drawbar::cpu

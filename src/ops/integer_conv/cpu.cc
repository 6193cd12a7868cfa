// Convolution of bytes as a product of bytes (targets/cpu/gemm/bytes.h) whose rows are given by a
// pointer per tap and output pixel, padding pointing at zero points. Channels-last. Few input
// channels are copied into an image with its padding first, where a row of the kernel lies in one
// piece: a stem's 7 × 7 taps of 3 bytes become 7 of 21. Groups are one product after the other.
#include "ops/conv/kernels/taps.h"
#include "ops/integer_conv/cpu_operands.h"

namespace drawbar::cpu {
namespace {

DRAWBAR_CPU_LAYOUT(QLinearConv, channels_last);
DRAWBAR_CPU_LAYOUT(ConvInteger, channels_last);

/// Groups have one zero point for all weights, and more than one channel where there is another
/// kernel for that.
bool applies(const Problem& p) {
  const ByteConvolution at(p);
  if (!at.applies(p)) return false;
  const int64_t group = ByteConvolution::group(p), m = p.outputs[0].dim(1);
  if (group == 1) return true;
  const bool depthwise = group == m && group == p.inputs[ByteOperands::kX].dim(1) && !at.sums_only;
  return !depthwise && at.w_zero(p).size() == 1;
}

double seconds(const Problem& p) {
  const ConvShape shape = ByteConvolution(p).shape(p);
  const double products = byte_product_seconds(shape.multiply_adds(), p.isa, p.threads);
  return products + static_cast<double>(shape.groups) * 2e-6;
}

/// The weights [m, c, taps] of a group as [taps · c][m], for rows of so many runs.
ByteProduct product_of(const Problem& p, const ByteConvolution& at, const ConvShape& shape,
                       int64_t group, int64_t runs) {
  const int64_t taps = shape.kh * shape.kw, c = shape.c / shape.groups, m = shape.m / shape.groups;
  const auto index = [=](int64_t i, int64_t j) {
    return ((group * m + j) * c + i % c) * taps + i / c;
  };
  std::string form = fmt::format("taps={}", taps);
  if (shape.groups > 1) form += fmt::format(" group={}", group);
  return {p, p.inputs[at.w_input], at.w_zero(p), taps * c, m, runs, form, index, at.x, at.y};
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
  return s.groups == 1 && s.c < kFewChannels && s.kw > 1 && s.dilation_w == 1 &&
         area(padded_height(s), padded_width(s)) <= kMostPadding * area(s.h + 16, s.w + 16);
}

class ByteConv final : public Kernel {
 public:
  explicit ByteConv(const Problem& p)
      : at_(p),
        shape_(at_.shape(p)),
        merges_rows_(merges_rows(shape_)),
        padded_h_(padded_height(shape_)),
        padded_w_(padded_width(shape_)),
        threads_(p.threads) {
    for (int64_t g = 0; g < shape_.groups; ++g)
      products_.push_back(product_of(p, at_, shape_, g, taps()));
  }

  size_t scratch_bytes() const override {
    int64_t most = 0;  // groups may differ in their unit
    for (const ByteProduct& product : products_) {
      const int64_t bytes = product.scratch_bytes(shape_.pixels(), taps(), tap_bytes(), threads_);
      most = std::max(most, bytes);
    }
    return static_cast<size_t>(image_bytes() + most);
  }
  uint32_t packed_inputs() const override { return 1U << at_.w_input; }

  void run(const KernelRun& run) const override {
    auto* image = static_cast<std::byte*>(run.scratch);
    ByteScales scales = at_.scales(run);
    const auto* x = run.in<std::byte>(ByteOperands::kX);
    const auto zero = static_cast<std::byte>(scales.x_zero);
    if (merges_rows_) {
      copy_image(x, zero, image, run.pool);
    } else {
      std::fill_n(image, shape_.c, zero);
    }
    const int64_t m = shape_.m / shape_.groups, y_bytes = bits(at_.y) / 8;
    auto* y = run.out<std::byte>(0);
    for (const ByteProduct& product : products_) {
      const auto fill = [&](int64_t begin, int64_t count, const std::byte** list) {
        if (merges_rows_) return fill_rows(image, begin, count, list);
        fill_taps(shape_, x, static_cast<const std::byte*>(image), begin, count, list);
      };
      const std::byte* begin = merges_rows_ ? image : x;
      const std::byte* end = begin + (merges_rows_ ? image_bytes() : x_bytes());
      const ByteRows rows{taps(), tap_bytes(), at_.x == ElementType::i8, fill, begin, end};
      product.run(shape_.pixels(), rows, scales, y, shape_.y_pixel_stride, image + image_bytes(),
                  run.pool);
      x += tap_bytes();
      y += m * y_bytes;
      if (scales.w_scales > 1) scales.w_scale += m;
      if (scales.bias != nullptr) scales.bias += m;
      if (scales.addend != nullptr) scales.addend += m;
    }
  }

 private:
  int64_t taps() const { return merges_rows_ ? shape_.kh : shape_.kh * shape_.kw; }
  int64_t tap_bytes() const {
    return merges_rows_ ? shape_.kw * shape_.c : shape_.c / shape_.groups;
  }
  int64_t line_bytes() const { return padded_w_ * shape_.c; }
  /// The copied image, or the pixel that padding points at.
  int64_t image_bytes() const {
    return align_up(merges_rows_ ? shape_.n * padded_h_ * line_bytes() : shape_.c, 64);
  }

  /// Of x, to the end of a group's channels in the last pixel.
  int64_t x_bytes() const {
    return (shape_.n * shape_.h * shape_.w - 1) * shape_.x_pixel_stride + tap_bytes();
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

  ByteConvolution at_;
  ConvShape shape_;
  bool merges_rows_;
  int64_t padded_h_, padded_w_;  // of the copied image
  int threads_;
  std::vector<ByteProduct> products_;  // of each group
};

std::unique_ptr<Kernel> make(const Problem& p) { return std::make_unique<ByteConv>(p); }

}  // namespace

DRAWBAR_CPU_TACTIC(linear, .op = "QLinearConv", .name = "conv_bytes", .applies = applies,
                   .seconds = seconds, .make = make, .writes_slices = true);
DRAWBAR_CPU_TACTIC(integer, .op = "ConvInteger", .name = "conv_bytes", .applies = applies,
                   .seconds = seconds, .make = make, .writes_slices = true);

}  // namespace drawbar::cpu

// Convolution of bytes as a product of bytes (targets/cpu/gemm/bytes.h) whose rows are given by a
// pointer per tap and output pixel, or by the lines they lie in. Channels-last. Few input channels
// are copied into an image with its padding first, where a row of the kernel lies in one piece: a
// stem's 7 × 7 taps of 3 bytes become 7 of 21. Groups are one product after the other.
#include "ops/conv/kernels/factories.h"
#include "ops/integer_conv/cpu_image.h"
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

class ByteConv final : public Kernel {
 public:
  explicit ByteConv(const Problem& p)
      : at_(p), shape_(at_.shape(p)), image_(shape_), threads_(p.threads) {
    for (int64_t g = 0; g < shape_.groups; ++g)
      products_.push_back(product_of(p, at_, shape_, g, image_.taps()));
    if (products_[0].reads_runs() && ByteImage::can_share(shape_)) image_.share();
  }

  size_t scratch_bytes() const override {
    int64_t most = 0;  // groups may differ in their unit
    for (const ByteProduct& product : products_) {
      const int64_t bytes =
          product.scratch_bytes(image_.rows(), image_.taps(), image_.tap_bytes(), threads_);
      most = std::max(most, bytes);
    }
    return static_cast<size_t>(runs_at() + runs_bytes() + most);
  }
  uint32_t packed_inputs() const override { return 1U << at_.w_input; }

  void run(const KernelRun& run) const override {
    auto* memory = static_cast<std::byte*>(run.scratch);
    auto** runs = reinterpret_cast<const std::byte**>(memory + runs_at());
    ByteScales scales = at_.scales(run);
    const auto* x = run.in<std::byte>(ByteOperands::kX);
    image_.prepare(x, static_cast<std::byte>(scales.x_zero), memory, run.pool);
    const int64_t m = shape_.m / shape_.groups, y_bytes = bits(at_.y) / 8;
    auto* y = run.out<std::byte>(0);
    for (const ByteProduct& product : products_) {
      const auto fill = [&](int64_t begin, int64_t count, const std::byte** list) {
        image_.fill(x, memory, begin, count, list);
      };
      const std::byte* begin = image_.begin(x, memory);
      const ByteLines lines = image_.lines(x, memory, runs);
      const ByteRows rows{.taps = image_.taps(),
                          .k = image_.tap_bytes(),
                          .is_signed = at_.x == ElementType::i8,
                          .fill = fill,
                          .begin = begin,
                          .end = begin + image_.readable_bytes(),
                          .lines = image_.has_lines() ? &lines : nullptr,
                          .gaps = image_.gaps()};
      product.run(image_.rows(), rows, scales, y, shape_.y_pixel_stride,
                  memory + runs_at() + runs_bytes(), run.pool);
      x += image_.tap_bytes();
      y += m * y_bytes;
      if (scales.w_scales > 1) scales.w_scale += m;
      if (scales.bias != nullptr) scales.bias += m;
      if (scales.addend != nullptr) scales.addend += m;
    }
  }

 private:
  int64_t runs_at() const { return image_.bytes(); }
  int64_t runs_bytes() const { return align_up(image_.taps() * 8, 64); }

  ByteConvolution at_;
  ConvShape shape_;
  ByteImage image_;
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

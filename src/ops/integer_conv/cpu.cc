// Convolution of bytes as a product of bytes. Groups are one product after the other.
#include "ops/integer_conv/cpu_conv.h"

namespace drawbar::cpu {
namespace {

DRAWBAR_CPU_LAYOUT(QLinearConv, channels_last);
DRAWBAR_CPU_LAYOUT(ConvInteger, channels_last);

/// Groups have more than one channel where there is another kernel for that.
bool applies(const Problem& p) {
  const ByteConvolution at(p);
  if (!at.applies(p)) return false;
  const int64_t group = ByteConvolution::group(p), m = p.outputs[0].dim(1);
  if (group == 1) return true;
  const bool depthwise = group == m && group == p.inputs[ByteOperands::kX].dim(1) && !at.sums_only;
  return !depthwise;
}

double seconds(const Problem& p) {
  const ConvShape shape = ByteConvolution(p).shape(p);
  const double products = byte_product_seconds(shape.multiply_adds(), p.isa, p.threads);
  return products + static_cast<double>(shape.groups) * 2e-6;
}

class Convolution final : public Kernel {
 public:
  explicit Convolution(const Problem& p) : conv_(p) {}
  size_t scratch_bytes() const override { return conv_.scratch_bytes(); }
  uint32_t packed_inputs() const override { return conv_.packed_inputs(); }
  void run(const KernelRun& run) const override { conv_.run(run, nullptr); }

 private:
  ByteConv conv_;
};

std::unique_ptr<Kernel> make(const Problem& p) { return std::make_unique<Convolution>(p); }

}  // namespace

DRAWBAR_CPU_TACTIC(linear, .op = "QLinearConv", .name = "conv_bytes", .applies = applies,
                   .seconds = seconds, .make = make, .writes_slices = true);
DRAWBAR_CPU_TACTIC(integer, .op = "ConvInteger", .name = "conv_bytes", .applies = applies,
                   .seconds = seconds, .make = make, .writes_slices = true);

}  // namespace drawbar::cpu

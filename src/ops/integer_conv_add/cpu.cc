// A convolution of bytes whose result is added to other bytes before it is written.
#include "ops/integer_add/cpu_lines.h"
#include "ops/integer_conv/cpu_conv.h"
#include "ops/integer_conv_add/op.h"

namespace drawbar::cpu {
namespace {

using ops::QLinearConvAdd;
using namespace ops::conv_add;

DRAWBAR_CPU_LAYOUT(QLinearConvAdd, channels_last);

/// The convolution's own problem.
struct Convolved {
  explicit Convolved(const Problem& p)
      : op(p.op.as<QLinearConvAdd>()->conv),
        q(p.outputs[0]),
        problem{op, p.inputs.first(other), {&q, 1}, p.threads, p.isa, p.packed} {
    q.type = p.inputs[ByteOperands::kYZero].type;
  }
  Convolved(const Convolved&) = delete;
  Convolved& operator=(const Convolved&) = delete;

  Op op;
  Operand q;
  Problem problem;
};

/// Without instructions that add four products, Winograd's way is faster for three by three taps.
bool applies(const Problem& p) {
  const Convolved convolved(p);
  const ByteConvolution at(convolved.problem);
  const Operand &added = p.inputs[other], &y = p.outputs[0];
  if (!p.inputs[ByteOperands::kYZero].present || !at.applies(convolved.problem)) return false;
  if (at.group(convolved.problem) > 1 || added.layout != y.layout || added.shape != y.shape)
    return false;
  const ConvShape shape = at.shape(convolved.problem);
  return byte_unit(p.isa) != ByteUnit::pairs || shape.kh * shape.kw == 1;
}

double seconds(const Problem& p) {
  const Convolved convolved(p);
  const ConvShape shape = ByteConvolution(convolved.problem).shape(convolved.problem);
  const double products = byte_product_seconds(shape.multiply_adds(), p.isa, p.threads);
  return products + static_cast<double>(p.outputs[0].size()) / (16e9 * p.threads);
}

class ConvAdd final : public Kernel {
 public:
  explicit ConvAdd(const Problem& p)
      : conv_(Convolved(p).problem),
        channels_(p.outputs[0].dim(1)),
        other_first_(p.op.as<QLinearConvAdd>()->other_first),
        q_type_(p.inputs[q_zero].type),
        other_type_(p.inputs[other].type),
        y_type_(p.outputs[0].type) {}

  size_t scratch_bytes() const override { return conv_.scratch_bytes(); }
  uint32_t packed_inputs() const override { return conv_.packed_inputs(); }

  void run(const KernelRun& run) const override {
    const auto term = [&](Input scale, Input zero, ElementType type) {
      return ByteTerm{*run.in<float>(scale), byte_at(run.inputs[zero], type, 0)};
    };
    const ByteSum sum =
        byte_sum(term(q_scale, q_zero, q_type_), term(other_scale, other_zero, other_type_),
                 term(y_scale, y_zero, y_type_));
    const AddedBytes added{.factor = sum.a_factor,
                           .other_factor = sum.b_factor,
                           .addend = sum.addend,
                           .other_first = other_first_,
                           .zero = sum.zero,
                           .other = run.inputs[other],
                           .other_ld = channels_,
                           .other_type = other_type_,
                           .to = y_type_};
    KernelRun convolution = run;
    convolution.inputs = run.inputs.first(other);
    conv_.run(convolution, &added);
  }

 private:
  ByteConv conv_;
  int64_t channels_;
  bool other_first_;
  ElementType q_type_, other_type_, y_type_;
};

std::unique_ptr<Kernel> make(const Problem& p) { return std::make_unique<ConvAdd>(p); }

}  // namespace

DRAWBAR_CPU_TACTIC(conv_add, .op = "QLinearConvAdd", .name = "conv_add_bytes", .applies = applies,
                   .seconds = seconds, .make = make, .in_place = other, .writes_slices = true);

}  // namespace drawbar::cpu

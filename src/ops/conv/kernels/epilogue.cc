#include "ops/conv/kernels/epilogue.h"

#include <array>

namespace drawbar::cpu {
namespace {

using ops::Function;
using ops::Instruction;

struct Native {
  Activation activation = Activation::none;
  float alpha = 0, beta = 0;
};

/// The activation that this instruction is, or nothing when kernels lack it.
std::optional<Native> native(const Instruction& instruction) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  switch (instruction.function) {
    case Function::Relu:
      return Native{Activation::clamp, 0, infinity};
    case Function::Clip:
      return Native{Activation::clamp, instruction.p, instruction.q};
    case Function::LeakyRelu:
      return Native{Activation::leaky_relu, instruction.p, 0};
    case Function::HardSwish:
      return Native{Activation::hard_swish, 0, 0};
    default:
      return std::nullopt;
  }
}

/// How `extra` lies against y [N, M, d1…dn], or nothing when tiles cannot read it so.
std::optional<ConvEpilogue::Extra> place(const Operand& extra, const Operand& y,
                                         bool channels_last) {
  if (!extra.present || extra.type != ElementType::f32) return std::nullopt;
  if (extra.rank() > y.rank()) return std::nullopt;
  Operand lying = extra;
  if (channels_last && extra.shape == y.shape) lying.layout = Layout::channels_last;
  Shape strides = lying.strides();
  Shape shape = lying.shape;
  const auto missing = static_cast<size_t>(y.rank() - extra.rank());
  strides.insert(strides.begin(), missing, 0);
  shape.insert(shape.begin(), missing, 1);
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) strides[i] = 0;
    if (shape[i] != 1 && shape[i] != y.shape[i]) return std::nullopt;
  }
  ConvEpilogue::Extra result{strides[0], 0, strides[1]};
  if (result.channel > 1) return std::nullopt;
  // The spatial dimensions must be one run of pixels.
  int64_t run = 1;
  for (size_t i = shape.size() - 1; i >= 2; --i) {
    if (y.shape[i] == 1) continue;
    if (run == 1) result.pixel = strides[i];
    if (strides[i] != result.pixel * run) return std::nullopt;
    run *= y.shape[i];
  }
  return result;
}

}  // namespace

std::optional<ConvEpilogue> ConvEpilogue::plan(const ops::Program& post,
                                               std::span<const Operand> extras, const Operand& y,
                                               bool channels_last, bool native_residual) {
  ConvEpilogue result;
  result.channels_ = y.dim(1);
  for (int64_t i = 2; i < y.rank(); ++i) result.pixels_ *= y.dim(i);
  for (const Operand& extra : extras) {
    const std::optional<Extra> lies = place(extra, y, channels_last);
    if (!lies) return std::nullopt;
    result.by_image_ |= y.dim(0) > 1 && lies->image != lies->pixel * result.pixels_;
    result.extras_.push_back(*lies);
  }
  std::span<const Instruction> rest = post.instructions;
  // x2 = Add(x0, x1) with x1 of y's shape is a residual; one activation may follow.
  if (native_residual && !rest.empty() && extras.size() == 1 && rest[0].function == Function::Add &&
      rest[0].operands[0] + rest[0].operands[1] == 1 && extras[0].shape == y.shape &&
      result.extras_[0].channel == 1 && result.extras_[0].pixel == result.channels_) {
    result.residual_ = true;
    rest = rest.subspan(1);
  }
  const bool alone = rest.size() <= 1 && (result.residual_ || extras.empty());
  const bool chained = rest.empty() || rest[0].operands[0] == (result.residual_ ? 2 : 0);
  const std::optional<Native> activation = rest.empty() ? Native{} : native(rest[0]);
  if (alone && chained && activation) {
    result.activation_ = activation->activation;
    result.alpha_ = activation->alpha;
    result.beta_ = activation->beta;
    return result;
  }
  result.residual_ = false;
  result.program_ = TileProgram(post);
  return result;
}

void ConvEpilogue::apply(std::span<const float* const> extras, float* tile, int64_t stride,
                         int64_t row, int64_t column, int64_t rows, int64_t columns,
                         int64_t step) const {
  std::array<TileOperand, ops::Program::most_inputs> operands;
  while (rows > 0) {
    const int64_t image = row / pixels_, pixel = row % pixels_;
    const int64_t count = by_image_ && step == 1 ? std::min(rows, pixels_ - pixel) : rows;
    for (size_t i = 0; i < extras_.size(); ++i) {
      const Extra& e = extras_[i];
      operands[i] = {extras[i] + image * e.image + pixel * e.pixel + column * e.channel,
                     e.pixel * step, e.channel};
    }
    program_.apply(tile, count, columns, stride, {operands.data(), extras_.size()});
    tile += count * stride;
    row += count;
    rows -= count;
  }
}

}  // namespace drawbar::cpu

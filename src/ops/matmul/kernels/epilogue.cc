#include "ops/matmul/kernels/epilogue.h"

namespace drawbar::cpu {
namespace {

using ops::Function;
using ops::Instruction;
using ops::Program;

struct NativeActivation {
  Activation activation = Activation::none;
  float alpha = 0, beta = 0;
};

/// The activation that this instruction is, or nothing when kernels lack it.
std::optional<NativeActivation> native_activation(const Instruction& instruction) {
  switch (instruction.function) {
    case Function::Relu:
      return NativeActivation{Activation::clamp, 0, std::numeric_limits<float>::infinity()};
    case Function::Clip:
      return NativeActivation{Activation::clamp, instruction.p, instruction.q};
    case Function::LeakyRelu:
      return NativeActivation{Activation::leaky_relu, instruction.p, 0};
    case Function::HardSwish:
      return NativeActivation{Activation::hard_swish, 0, 0};
    default:
      return std::nullopt;
  }
}

/// y = alpha · x0 + x1 (without `bias` there is no x1).
Program scale_and_shift(float alpha, bool bias) {
  Program program{.inputs = bias ? 2 : 1};
  int value = 0;
  if (alpha != 1)
    value = program.append(Function::Mul, {value, program.append(Function::Constant, {}, alpha)});
  if (bias) program.append(Function::Add, {value, 1});
  return program;
}

bool is_row(const Operand& operand, int64_t columns) {
  return operand.rank() >= 1 && operand.shape.back() == columns && operand.size() == columns;
}

}  // namespace

std::optional<MatMulEpilogue::Extra> MatMulEpilogue::place(const Operand& operand, size_t input,
                                                           const Operand& y) {
  if (!operand.present || operand.type != ElementType::f32 || operand.rank() > y.rank() ||
      operand.layout != Layout::row_major) {
    return std::nullopt;
  }
  Shape strides = operand.strides();
  for (size_t i = 0; i < strides.size(); ++i) {
    if (operand.shape[i] == 1) strides[i] = 0;
  }
  strides.insert(strides.begin(), static_cast<size_t>(y.rank() - operand.rank()), 0);
  Extra extra{.input = input, .column = strides.back(), .row = strides[strides.size() - 2]};
  extra.item.assign(strides.begin(), strides.end() - 2);
  return extra;
}

std::optional<MatMulEpilogue> MatMulEpilogue::plan(const Problem& problem, float alpha) {
  const auto& op = *problem.op.as<ops::MatMul>();
  const Operand& y = problem.outputs[0];
  MatMulEpilogue result;
  result.columns_ = y.shape.back();
  result.item_rows_ = y.dim(y.rank() - 2);
  result.batch_.assign(y.shape.begin(), y.shape.end() - 2);
  const size_t bias = ops::matmul_bias_input;
  const bool biased = problem.inputs.size() > bias && problem.inputs[bias].present;
  Program before;
  if (biased && alpha == 1 && problem.inputs[bias].type == ElementType::f32 &&
      is_row(problem.inputs[bias], result.columns_)) {
    result.bias_input_ = static_cast<int>(bias);
  } else if (biased || alpha != 1) {
    before = scale_and_shift(alpha, biased);
    if (biased) {
      const std::optional<Extra> extra = place(problem.inputs[bias], bias, y);
      if (!extra) return std::nullopt;
      result.extras_.push_back(*extra);
    }
  }
  for (int i = 1; i < op.post.inputs; ++i) {
    const size_t input = ops::matmul_first_post_input + static_cast<size_t>(i) - 1;
    const std::optional<Extra> extra = place(problem.inputs[input], input, y);
    if (!extra) return std::nullopt;
    result.extras_.push_back(*extra);
  }
  const Program program = before.empty()    ? op.post
                          : op.post.empty() ? before
                                            : ops::compose(before, op.post);
  std::span<const Instruction> rest = program.instructions;
  // x2 = Add(x0, x1) with x1 of y's shape is a residual; one activation may follow.
  const bool residual = !rest.empty() && program.inputs == 2 && rest[0].function == Function::Add &&
                        rest[0].operands[0] + rest[0].operands[1] == 1 &&
                        problem.inputs[result.extras_[0].input].size() == y.size();
  if (residual) rest = rest.subspan(1);
  const bool whole = residual || program.inputs == 1;
  const int operand = residual ? 2 : 0;
  const bool chained = rest.empty() || (rest.size() == 1 && rest[0].operands[0] == operand);
  const std::optional<NativeActivation> native =
      rest.empty() ? NativeActivation{} : native_activation(rest[0]);
  if (whole && chained && native) {
    result.activation_ = native->activation;
    result.alpha_ = native->alpha;
    result.beta_ = native->beta;
    if (residual) result.residual_input_ = static_cast<int>(result.extras_[0].input);
    return result;
  }
  result.program_ = TileProgram(program);
  for (const Extra& extra : result.extras_) {
    int64_t run_on = result.item_rows_ * extra.row;
    for (size_t axis = result.batch_.size(); axis-- > 0;) {
      if (result.batch_[axis] == 1) continue;
      result.by_item_ |= extra.item[axis] != run_on;
      run_on *= result.batch_[axis];
    }
  }
  return result;
}

void MatMulEpilogue::apply(const KernelRun& run, float* tile, int64_t rows, int64_t columns) const {
  const int64_t at = tile - run.out<float>(0);
  const int64_t column = at % columns_;
  int64_t row = at / columns_;
  std::array<TileOperand, Program::most_inputs> operands;
  while (rows > 0) {
    const int64_t item = by_item_ ? row / item_rows_ : 0;
    const int64_t inside = row - item * item_rows_;
    const int64_t count = by_item_ ? std::min(rows, item_rows_ - inside) : rows;
    for (size_t i = 0; i < extras_.size(); ++i) {
      const Extra& extra = extras_[i];
      int64_t offset = inside * extra.row + column * extra.column, rest = item;
      for (size_t axis = batch_.size(); by_item_ && axis-- > 0;) {
        offset += rest % batch_[axis] * extra.item[axis];
        rest /= batch_[axis];
      }
      operands[i] = {run.in<float>(extra.input) + offset, extra.row, extra.column};
    }
    program_.apply(tile, count, columns, columns_, {operands.data(), extras_.size()});
    tile += count * columns_;
    row += count;
    rows -= count;
  }
}

}  // namespace drawbar::cpu

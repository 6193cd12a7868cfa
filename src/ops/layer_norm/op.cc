#include "ops/layer_norm/op.h"

#include <cmath>

namespace drawbar::ops {
namespace {

[[maybe_unused]] const bool registered = [] {
  register_op<LayerNorm>("LayerNormalization");
  register_op<LayerNorm>("RMSNormalization");
  return true;
}();

constexpr std::string_view input_names[] = {"x", "scale", "bias", "residual"};

void expect_fits(const Infer& context, size_t i) {
  const Dims& own = context.dims(i);
  const Dims& whole = context.dims(0);
  bool fits =
      own.size() <= whole.size() && (i != LayerNorm::residual || own.size() == whole.size());
  for (size_t k = 0; fits && k < own.size(); ++k) {
    const Dim& a = own[own.size() - 1 - k];
    const Dim& b = whole[whole.size() - 1 - k];
    fits =
        a == b || !a.is_constant() || !b.is_constant() || (a == Dim(1) && i != LayerNorm::residual);
  }
  if (!fits) {
    fail(ErrorCode::invalid_model, "{} has shape [{}], which does not fit x [{}]", input_names[i],
         to_string(own), to_string(whole));
  }
}

/// Where element i of x is in an operand that broadcasts to x.
int64_t broadcast_index(int64_t i, const Shape& x, const Shape& operand) {
  int64_t result = 0, step = 1;
  for (size_t k = 0; k < operand.size(); ++k) {
    const int64_t size = x[x.size() - 1 - k];
    const int64_t own = operand[operand.size() - 1 - k];
    if (own != 1) result += i % size * step;
    i /= size;
    step *= own;
  }
  return result;
}

}  // namespace

void infer(const LayerNorm& op, Infer& context) {
  context.expect_inputs(1, 4);
  for (size_t i = 0; i < context.inputs(); ++i) {
    if (!context.has(i)) continue;
    if (!is_floating(context.element(i)) || bits(context.element(i)) < 16) {
      fail(ErrorCode::invalid_model, "{} is {}, expected a float type", input_names[i],
           name(context.element(i)));
    }
    if (context.ranked(0) && context.ranked(i)) expect_fits(context, i);
  }
  if (!is_floating(op.stash)) {
    fail(ErrorCode::invalid_model, "stash is {}, expected a float type", name(op.stash));
  }
  context.output(LayerNorm::y, context.type(0));
  context.output(LayerNorm::sum, context.type(0));
  if (!context.ranked(0)) {
    context.unranked(LayerNorm::mean, op.stash);
    context.unranked(LayerNorm::inverse_deviation, op.stash);
    return;
  }
  const int64_t axis = Infer::axis(op.axis, context.rank(0));
  Dims kept = context.dims(0);
  for (auto i = static_cast<size_t>(axis); i < kept.size(); ++i) kept[i] = Dim(1);
  context.output(LayerNorm::mean, op.stash, kept);
  context.output(LayerNorm::inverse_deviation, op.stash, kept);
}

bool keeps_rows(const LayerNorm& op, const Infer& context, const std::vector<bool>& batched) {
  return batched[LayerNorm::x] && Infer::axis(op.axis, context.rank(LayerNorm::x)) != 0 &&
         rows_broadcast(context, batched, context.rank(LayerNorm::x));
}

Dim operations(const LayerNorm&, const Infer& context) { return Dim(8) * context.tensor(0).size(); }

void reference(const LayerNorm& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  const int64_t axis = Infer::axis(op.axis, x.rank());
  int64_t length = 1;
  Shape kept = x.shape();
  for (int64_t i = axis; i < x.rank(); ++i) {
    length *= x.dim(i);
    kept[static_cast<size_t>(i)] = 1;
  }
  const auto optional = [&](size_t i) { return e.has(i) ? &e.input(i) : nullptr; };
  const Tensor* scale = optional(LayerNorm::scale);
  const Tensor* bias = optional(LayerNorm::bias);
  const Tensor* residual = optional(LayerNorm::residual);
  const auto extra = [&](size_t i, ElementType type, const Shape& shape) {
    return e.outputs() > i ? &e.output(i, type, shape) : nullptr;
  };
  Tensor& y = e.output(0, x.type(), x.shape());
  Tensor* mean_out = extra(LayerNorm::mean, op.stash, kept);
  Tensor* inverse_out = extra(LayerNorm::inverse_deviation, op.stash, kept);
  Tensor* sum_out = extra(LayerNorm::sum, x.type(), x.shape());
  std::vector<double> row(static_cast<size_t>(length));
  for (int64_t r = 0; length > 0 && r < x.size() / length; ++r) {
    const int64_t start = r * length;
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < length; ++i) {
      double& value = row[static_cast<size_t>(i)];
      value = read_number(x, start + i) + (residual ? read_number(*residual, start + i) : 0.0);
      if (sum_out) write_number(*sum_out, start + i, value);
      mean += value;
    }
    mean = op.root_mean_square ? 0 : mean / static_cast<double>(length);
    for (double value : row) squares += (value - mean) * (value - mean);
    const double inverse =
        1 / std::sqrt(squares / static_cast<double>(length) + static_cast<double>(op.epsilon));
    for (int64_t i = 0; i < length; ++i) {
      double value = (row[static_cast<size_t>(i)] - mean) * inverse;
      const auto operand = [&](const Tensor& t) {
        return read_number(t, broadcast_index(start + i, x.shape(), t.shape()));
      };
      if (scale) value *= operand(*scale);
      if (bias) value += operand(*bias);
      write_number(y, start + i, value);
    }
    if (mean_out) write_number(*mean_out, r, mean);
    if (inverse_out) write_number(*inverse_out, r, inverse);
    if (r % 256 == 0) e.checkpoint();
  }
}

}  // namespace drawbar::ops

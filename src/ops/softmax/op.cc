#include "ops/softmax/op.h"

#include <cmath>
#include <limits>

namespace drawbar::ops {

DRAWBAR_OP(Softmax);
DRAWBAR_OP(Hardmax);

namespace {

void infer_same(int64_t axis, Infer& context) {
  context.expect_inputs(1, 1);
  if (!is_floating(context.element(0))) {
    fail(ErrorCode::invalid_model, "x is {}, expected a float type", name(context.element(0)));
  }
  if (context.ranked(0) && context.rank(0) > 0) Infer::axis(axis, context.rank(0));
  context.output(0, context.type(0));
}

/// Calls f(offset of the first element, length, distance of neighbours) for every line along an
/// axis.
template <class F>
void for_each_line(const Tensor& x, int64_t given_axis, F&& f) {
  const int64_t axis = x.rank() ? Infer::axis(given_axis, x.rank()) : 0;
  const int64_t length = x.rank() ? x.dim(axis) : 1;
  int64_t inner = 1;
  for (int64_t i = axis + 1; i < x.rank(); ++i) inner *= x.dim(i);
  for (int64_t line = 0; length > 0 && line < x.size() / length; ++line) {
    f(line / inner * inner * length + line % inner, length, inner);
  }
}

}  // namespace

void infer(const Softmax& op, Infer& context) { infer_same(op.axis, context); }

bool keeps_rows(const Softmax& op, const Infer& context, const std::vector<bool>& batched) {
  return batched[0] && Infer::axis(op.axis, context.rank(0)) != 0;
}
void infer(const Hardmax& op, Infer& context) { infer_same(op.axis, context); }

Dim operations(const Softmax&, const Infer& context) { return Dim(10) * context.tensor(0).size(); }

void reference(const Softmax& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  Tensor& y = e.output(0, x.type(), x.shape());
  for_each_line(x, op.axis, [&](int64_t start, int64_t length, int64_t step) {
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t i = 0; i < length; ++i)
      largest = std::max(largest, read_number(x, start + i * step));
    for (int64_t i = 0; i < length; ++i)
      sum += std::exp(read_number(x, start + i * step) - largest);
    for (int64_t i = 0; i < length; ++i) {
      const double shifted = read_number(x, start + i * step) - largest;
      write_number(y, start + i * step, op.log ? shifted - std::log(sum) : std::exp(shifted) / sum);
    }
  });
}

void reference(const Hardmax& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  Tensor& y = e.output(0, x.type(), x.shape());
  for_each_line(x, op.axis, [&](int64_t start, int64_t length, int64_t step) {
    int64_t best = 0;
    for (int64_t i = 1; i < length; ++i) {
      if (read_number(x, start + i * step) > read_number(x, start + best * step)) best = i;
    }
    for (int64_t i = 0; i < length; ++i) write_number(y, start + i * step, i == best ? 1 : 0);
  });
}

}  // namespace drawbar::ops

#include "ops/softmax/op.h"

#include <cmath>
#include <limits>

namespace drawbar::ops {

DRAWBAR_OP(Softmax);

void infer(const Softmax& op, Infer& context) {
  context.expect_inputs(1, 1);
  if (!is_floating(context.element(0))) {
    fail(ErrorCode::invalid_model, "x is {}, expected a float type", name(context.element(0)));
  }
  if (context.ranked(0) && context.rank(0) > 0) Infer::axis(op.axis, context.rank(0));
  context.output(0, context.type(0));
}

Dim operations(const Softmax&, const Infer& context) { return Dim(10) * context.tensor(0).size(); }

void reference(const Softmax& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  Tensor& y = e.output(0, x.type(), x.shape());
  const int64_t axis = x.rank() ? Infer::axis(op.axis, x.rank()) : 0;
  const int64_t length = x.rank() ? x.dim(axis) : 1;
  int64_t inner = 1;
  for (int64_t i = axis + 1; i < x.rank(); ++i) inner *= x.dim(i);
  for (int64_t line = 0; length > 0 && line < x.size() / length; ++line) {
    const int64_t start = line / inner * inner * length + line % inner;
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t i = 0; i < length; ++i)
      largest = std::max(largest, read_number(x, start + i * inner));
    for (int64_t i = 0; i < length; ++i)
      sum += std::exp(read_number(x, start + i * inner) - largest);
    for (int64_t i = 0; i < length; ++i) {
      const double shifted = read_number(x, start + i * inner) - largest;
      write_number(y, start + i * inner,
                   op.log ? shifted - std::log(sum) : std::exp(shifted) / sum);
    }
  }
}

}  // namespace drawbar::ops

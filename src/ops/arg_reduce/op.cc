#include "ops/arg_reduce/op.h"

namespace drawbar::ops {
namespace {

[[maybe_unused]] const bool registered = [] {
  register_op<ArgReduce>("ArgMax");
  register_op<ArgReduce>("ArgMin");
  return true;
}();

/// The position in a line of `length` elements, `step` apart.
template <class T>
int64_t position(const ArgReduce& op, const T* x, int64_t length, int64_t step) {
  // Narrow floats have no comparison of their own.
  using Value = std::conditional_t<std::is_arithmetic_v<T>, T, float>;
  int64_t best = 0;
  Value held = static_cast<Value>(x[0]);
  for (int64_t i = 1; i < length; ++i) {
    const Value value = static_cast<Value>(x[i * step]);
    const bool better = op.minimum ? value < held : value > held;
    const bool not_a_number = value != value && held == held;
    const bool equal = value == held || (value != value && held != held);
    if (better || not_a_number || (equal && op.select_last)) {
      best = i;
      held = value;
    }
  }
  return best;
}

}  // namespace

void infer(const ArgReduce& op, Infer& context) {
  context.expect_inputs(1, 1);
  const ElementType element = context.element(0);
  if (!is_integer(element) && !is_floating(element)) {
    fail(ErrorCode::invalid_model, "x is {}, expected numbers", name(element));
  }
  if (!context.ranked(0)) {
    context.unranked(0, ElementType::i64);
    return;
  }
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, context.rank(0)));
  Dims dims = context.dims(0);
  if (dims[axis] == Dim(0)) {
    fail(ErrorCode::invalid_model, "x [{}] is empty along axis {}", to_string(dims), axis);
  }
  if (op.keep_dims) {
    dims[axis] = Dim(1);
  } else {
    dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  }
  context.output(0, ElementType::i64, std::move(dims));
}

Dim operations(const ArgReduce&, const Infer& context) { return context.tensor(0).size(); }

void reference(const ArgReduce& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  const int64_t axis = Infer::axis(op.axis, x.rank());
  Shape shape;
  int64_t inner = 1;
  for (int64_t i = 0; i < x.rank(); ++i) {
    if (i != axis) {
      shape.push_back(x.dim(i));
    } else if (op.keep_dims) {
      shape.push_back(1);
    }
    if (i > axis) inner *= x.dim(i);
  }
  Tensor& y = e.output(0, ElementType::i64, shape);
  const int64_t length = x.dim(axis);
  if (length == 0 && y.size() > 0) {
    fail(ErrorCode::invalid_argument, "x is empty along axis {}", axis);
  }
  with_element_type(x.type(), [&](auto element) {
    const auto* data = x.data<decltype(element)>();
    for (int64_t line = 0; line < y.size(); ++line) {
      const int64_t start = line / inner * inner * length + line % inner;
      y.data<int64_t>()[line] = position(op, data + start, length, inner);
      if (line % 1024 == 0) e.checkpoint();
    }
  });
}

}  // namespace drawbar::ops

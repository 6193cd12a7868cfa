#include "ops/cumulative/op.h"

#include "ops/movement/concrete.h"
#include "ops/movement/index.h"

namespace drawbar::ops {

[[maybe_unused]] static const bool registered_cumulative = [] {
  for (const bool product : {false, true}) register_op<Cumulative>(Cumulative{product}.op_name());
  return true;
}();

void infer(const Cumulative&, Infer& context) {
  context.expect_inputs(2, 2);
  const ElementType type = context.element(0);
  if ((!is_integer(type) && !is_floating(type)) || bits(type) < 8)
    fail(ErrorCode::invalid_model, "x is {}, expected numbers", name(type));
  expect_indices(context, 1, "axis");
  if (context.ranked(1)) {
    const Dim size = context.tensor(1).size();
    if (size.is_constant() && size.value() != 1)
      fail(ErrorCode::invalid_model, "axis has {} elements, expected 1", size.value());
  }
  if (const auto axis = context.content(1);
      axis && axis->size() == 1 && axis->front().is_constant() && context.ranked(0)) {
    Infer::axis(axis->front().value(), context.rank(0));
  }
  context.output(0, context.type(0));
}

void reference(const Cumulative& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  const Shape shape = concrete_shape(op, e);
  const auto axis = static_cast<size_t>(Infer::axis(read_integer(e.input(1), 0), x.rank()));
  Tensor& y = e.output(0, x.type(), shape);
  int64_t inner = 1;
  for (size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  const int64_t size = shape[axis];
  with_element_type(x.type(), [&](auto zero) {
    using T = decltype(zero);
    using Sum = std::conditional_t<std::is_class_v<T>, float,
                                   std::conditional_t<std::is_integral_v<T>, uint64_t, T>>;
    const T* from = x.data<T>();
    T* to = y.data<T>();
    for (int64_t line = 0; size > 0 && line < x.size() / size; ++line) {
      const int64_t first = line / inner * size * inner + line % inner;
      Sum sum = static_cast<Sum>(op.product ? 1 : 0);
      for (int64_t i = 0; i < size; ++i) {
        const int64_t at = first + (op.reverse ? size - 1 - i : i) * inner;
        const Sum next = static_cast<Sum>(from[at]);
        if (op.exclusive) to[at] = static_cast<T>(sum);
        sum = op.product ? sum * next : sum + next;
        if (!op.exclusive) to[at] = static_cast<T>(sum);
      }
      if (line % 1024 == 0) e.checkpoint();
    }
  });
}

}  // namespace drawbar::ops

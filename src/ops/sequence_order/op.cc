#include "ops/sequence_order/op.h"

#include <algorithm>

#include "ops/movement/concrete.h"
#include "ops/movement/elements.h"
#include "ops/movement/index.h"

namespace drawbar::ops {

DRAWBAR_OP(ReverseSequence);

void infer(const ReverseSequence& op, Infer& context) {
  context.expect_inputs(2, 2);
  expect_indices(context, 1, "lengths");
  context.expect_rank(1, 1, "lengths");
  const bool fits =
      (op.batch_axis == 0 && op.time_axis == 1) || (op.batch_axis == 1 && op.time_axis == 0);
  if (!fits) {
    fail(ErrorCode::invalid_model, "batch_axis is {} and time_axis {}, expected 0 and 1 or 1 and 0",
         op.batch_axis, op.time_axis);
  }
  context.output(0, context.type(0));
  if (!context.ranked(0)) return;
  if (context.rank(0) < 2)
    fail(ErrorCode::invalid_model, "x has rank {}, expected at least 2", context.rank(0));
  if (context.ranked(1)) {
    Infer::same(context.dims(0)[static_cast<size_t>(op.batch_axis)], context.dims(1)[0],
                "batch and lengths");
  }
}

void reference(const ReverseSequence& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor x = unpacked(e.input(0));
  const bool batch_first = op.batch_axis == 0;
  int64_t inner = 1;
  for (size_t i = 2; i < shape.size(); ++i) inner *= shape[i];
  const int64_t steps = shape[static_cast<size_t>(op.time_axis)];
  move_into(e, 0, e.input(0).type(), shape, [&](Tensor& y) {
    with_storage_type(y.type(), [&](auto zero) {
      using T = decltype(zero);
      for (int64_t n = 0; n < shape[static_cast<size_t>(op.batch_axis)]; ++n) {
        const int64_t length = read_integer(e.input(1), n);
        if (length < 0 || length > steps) {
          fail(ErrorCode::invalid_argument, "lengths[{}] is {}, expected 0 to {}", n, length,
               steps);
        }
        for (int64_t t = 0; t < steps; ++t) {
          const int64_t source = t < length ? length - 1 - t : t;
          const auto row = [&](int64_t step) {
            return (batch_first ? n * steps + step : step * shape[1] + n) * inner;
          };
          std::copy_n(static_cast<const T*>(x.raw()) + row(source), inner,
                      static_cast<T*>(y.raw()) + row(t));
        }
        e.checkpoint();
      }
    });
  });
}

Dim operations(const ReverseSequence&, const Infer&) { return 0; }

}  // namespace drawbar::ops

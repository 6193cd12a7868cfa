#include "ops/interleave/op.h"

#include <algorithm>

#include "base/checked.h"
#include "ops/movement/concrete.h"
#include "ops/movement/elements.h"

namespace drawbar::ops {

DRAWBAR_OP(Interleave);

void infer(const Interleave& op, Infer& context) {
  if (context.inputs() == 0) fail(ErrorCode::invalid_model, "has no inputs, expected at least 1");
  if (op.first < 0 || op.count < 0) {
    fail(ErrorCode::invalid_model, "takes {} channels from {} on", op.count, op.first);
  }
  const ElementType type = context.element(0);
  for (size_t i = 1; i < context.inputs(); ++i) {
    if (context.element(i) == type) continue;
    fail(ErrorCode::invalid_model, "input {} is {}, but input 0 is {}", i, name(context.element(i)),
         name(type));
  }
  if (!context.ranked(0)) return context.unranked(0, type);
  if (context.rank(0) < 2) {
    fail(ErrorCode::invalid_model, "input 0 has rank {}, expected at least 2", context.rank(0));
  }
  Dims dims = context.dims(0);
  for (size_t i = 1; i < context.inputs(); ++i) {
    context.expect_rank(i, static_cast<int64_t>(dims.size()), fmt::format("input {}", i));
    for (size_t k = 0; context.ranked(i) && k < dims.size(); ++k) {
      dims[k] = Infer::same(dims[k], context.dims(i)[k],
                            fmt::format("dimension {} of input {} and those before it", k, i));
    }
  }
  const int64_t end = checked_add(op.first, op.count);
  if (dims[1].is_constant() && dims[1].value() < end) {
    fail(ErrorCode::invalid_model, "takes channels up to {}, the inputs have {}", end,
         dims[1].value());
  }
  dims[1] = Dim(checked_mul(op.count, static_cast<int64_t>(context.inputs())));
  context.output(0, type, std::move(dims));
}

bool keeps_rows(const Interleave&, const Infer&, const std::vector<bool>& batched) {
  return std::find(batched.begin(), batched.end(), false) == batched.end();
}

StridedCopy interleave_copy(const Interleave& op, int64_t inputs, int64_t i, const Shape& x,
                            const Shape& x_strides, const Shape& y_strides) {
  StridedCopy copy{x, x_strides, y_strides, op.first * x_strides[1], i * y_strides[1]};
  copy.shape[1] = op.count;
  copy.to_strides[1] *= inputs;
  return copy;
}

void reference(const Interleave& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const auto inputs = static_cast<int64_t>(e.inputs());
  move_into(e, 0, e.input(0).type(), shape, [&](Tensor& y) {
    for (int64_t i = 0; i < inputs; ++i) {
      const Tensor x = unpacked(e.input(static_cast<size_t>(i)));
      if (op.first + op.count > x.dim(1)) {
        fail(ErrorCode::invalid_argument, "takes channels up to {}, input {} has {}",
             op.first + op.count, i, x.dim(1));
      }
      copy_strided(interleave_copy(op, inputs, i, x.shape(), row_major_strides(x.shape()),
                                   row_major_strides(shape)),
                   x, y, [&] { e.checkpoint(); });
    }
  });
}

Dim operations(const Interleave&, const Infer&) { return 0; }

}  // namespace drawbar::ops

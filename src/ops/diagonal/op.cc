#include "ops/diagonal/op.h"

#include "ops/movement/concrete.h"
#include "ops/movement/elements.h"
#include "ops/movement/strided_copy.h"

namespace drawbar::ops {

DRAWBAR_OP(Diagonal);

void infer(const Diagonal& op, Infer& context) {
  context.expect_inputs(1, 1);
  if (!context.ranked(0)) return context.unranked(0, context.element(0));
  const int64_t first = Infer::axis(op.first, context.rank(0), "first");
  const int64_t second = Infer::axis(op.second, context.rank(0), "second");
  if (first == second) fail(ErrorCode::invalid_model, "first and second are both {}", first);
  Dims dims = context.dims(0);
  dims[static_cast<size_t>(first)] =
      Infer::same(dims[static_cast<size_t>(first)], dims[static_cast<size_t>(second)], "diagonal");
  dims.erase(dims.begin() + second);
  context.output(0, context.element(0), std::move(dims));
}

void reference(const Diagonal& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor x = unpacked(e.input(0));
  Shape strides = row_major_strides(x.shape());
  const auto first = static_cast<size_t>(Infer::axis(op.first, x.rank()));
  const auto second = static_cast<size_t>(Infer::axis(op.second, x.rank()));
  strides[first] += strides[second];
  strides.erase(strides.begin() + static_cast<int64_t>(second));
  move_into(e, 0, e.input(0).type(), shape, [&](Tensor& y) {
    copy_strided({shape, strides, row_major_strides(shape)}, x, y, [&] { e.checkpoint(); });
  });
}

Dim operations(const Diagonal&, const Infer&) { return 0; }

}  // namespace drawbar::ops

#include "ops/reorder/op.h"

#include "ops/movement/elements.h"
#include "ops/movement/strided_copy.h"

namespace drawbar::ops {

DRAWBAR_OP(Reorder);

void infer(const Reorder& op, Infer& context) {
  context.expect_inputs(1, 1);
  Type type = context.type(0);
  type.tensor = context.tensor(0);
  if (op.to == Layout::channels_last && type.tensor.ranked && type.tensor.rank() < 3) {
    fail(ErrorCode::invalid_model, "x has rank {}, expected at least 3 for channels_last",
         type.tensor.rank());
  }
  type.tensor.layout = op.to;
  context.output(0, std::move(type));
}

bool keeps_rows(const Reorder&, const Infer&, const std::vector<bool>& batched) {
  return batched[0];
}

/// Tensors of the reference are always row-major.
void reference(const Reorder&, Evaluation& e) {
  const Tensor x = unpacked(e.input(0));
  const Shape strides = row_major_strides(x.shape());
  move_into(e, 0, e.input(0).type(), x.shape(), [&](Tensor& y) {
    copy_strided({x.shape(), strides, strides}, x, y, [&] { e.checkpoint(); });
  });
}

Dim operations(const Reorder&, const Infer&) { return 0; }

}  // namespace drawbar::ops

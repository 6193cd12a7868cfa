#include "ops/transpose/op.h"

#include "ops/movement/elements.h"
#include "ops/movement/strided_copy.h"

namespace drawbar::ops {

DRAWBAR_OP(Transpose);

std::vector<int64_t> Transpose::resolved(int64_t rank) const {
  std::vector<int64_t> result = permutation;
  if (permutation.empty()) {
    for (int64_t axis = rank; axis-- > 0;) result.push_back(axis);
    return result;
  }
  if (static_cast<int64_t>(permutation.size()) != rank) {
    fail(ErrorCode::invalid_model, "permutation has {} entries, expected {} (the rank of x)",
         permutation.size(), rank);
  }
  std::vector<char> seen(permutation.size(), 0);
  for (int64_t& axis : result) {
    axis = Infer::axis(axis, rank, "permutation");
    if (seen[static_cast<size_t>(axis)]++)
      fail(ErrorCode::invalid_model, "permutation names dimension {} twice", axis);
  }
  return result;
}

void infer(const Transpose& op, Infer& context) {
  context.expect_inputs(1, 1);
  if (!context.ranked(0)) return context.unranked(0, context.element(0));
  Dims dims;
  for (int64_t axis : op.resolved(context.rank(0)))
    dims.push_back(context.dims(0)[static_cast<size_t>(axis)]);
  context.output(0, context.element(0), std::move(dims));
  if (context.rank(0) > 1) return;
  if (auto content = context.content(0)) context.output_content(0, *content);
}

bool keeps_rows(const Transpose& op, const Infer& context, const std::vector<bool>& batched) {
  return batched[0] && op.resolved(context.rank(0))[0] == 0;
}

void reference(const Transpose& op, Evaluation& e) {
  const Tensor x = unpacked(e.input(0));
  const Shape strides = row_major_strides(x.shape());
  Shape shape, from_strides;
  for (int64_t axis : op.resolved(x.rank())) {
    shape.push_back(x.dim(axis));
    from_strides.push_back(strides[static_cast<size_t>(axis)]);
  }
  move_into(e, 0, e.input(0).type(), shape, [&](Tensor& y) {
    copy_strided({shape, from_strides, row_major_strides(shape)}, x, y, [&] { e.checkpoint(); });
  });
}

Dim operations(const Transpose&, const Infer&) { return 0; }

}  // namespace drawbar::ops

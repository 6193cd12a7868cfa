#include "ops/concat/op.h"

#include <algorithm>

#include "ops/movement/concrete.h"
#include "ops/movement/elements.h"
#include "ops/movement/strided_copy.h"

namespace drawbar::ops {

DRAWBAR_OP(Concat);

void infer(const Concat& op, Infer& context) {
  if (context.inputs() == 0) fail(ErrorCode::invalid_model, "has no inputs, expected at least 1");
  const ElementType type = context.element(0);
  std::optional<size_t> ranked;
  for (size_t i = 0; i < context.inputs(); ++i) {
    if (context.element(i) != type) {
      fail(ErrorCode::invalid_model, "input {} is {}, but input 0 is {}", i,
           name(context.element(i)), name(type));
    }
    if (!context.ranked(i)) continue;
    if (ranked && context.rank(i) != context.rank(*ranked)) {
      fail(ErrorCode::invalid_model, "input {} has rank {}, but input {} has {}", i,
           context.rank(i), *ranked, context.rank(*ranked));
    }
    if (!ranked) ranked = i;
  }
  if (!ranked) return context.unranked(0, type);
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, context.rank(*ranked)));
  Dims dims = context.dims(*ranked);
  Dim sum;
  std::optional<Dims> content = context.rank(*ranked) == 1 ? Dims{} : std::optional<Dims>{};
  for (size_t i = 0; i < context.inputs(); ++i) {
    if (!context.ranked(i)) {
      sum = sum + context.fresh("size", std::numeric_limits<int32_t>::max());
      content.reset();
      continue;
    }
    for (size_t k = 0; k < dims.size(); ++k) {
      if (k == axis) continue;
      dims[k] = Infer::same(dims[k], context.dims(i)[k],
                            fmt::format("dimension {} of input {} and those before it", k, i));
    }
    sum = sum + context.dims(i)[axis];
    const auto part = content ? context.content(i) : std::nullopt;
    if (part && part->size() + content->size() <= 1024) {
      content->insert(content->end(), part->begin(), part->end());
    } else {
      content.reset();
    }
  }
  dims[axis] = sum;
  context.output(0, type, std::move(dims));
  if (content) context.output_content(0, std::move(*content));
}

bool keeps_rows(const Concat& op, const Infer& context, const std::vector<bool>& batched) {
  return Infer::axis(op.axis, context.rank(0)) != 0 &&
         std::find(batched.begin(), batched.end(), false) == batched.end();
}

void reference(const Concat& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, static_cast<int64_t>(shape.size())));
  const Shape strides = row_major_strides(shape);
  move_into(e, 0, e.input(0).type(), shape, [&](Tensor& y) {
    int64_t offset = 0;
    for (size_t i = 0; i < e.inputs(); ++i) {
      const Tensor x = unpacked(e.input(i));
      copy_strided({x.shape(), row_major_strides(x.shape()), strides, 0, offset}, x, y,
                   [&] { e.checkpoint(); });
      offset += x.shape()[axis] * strides[axis];
    }
  });
}

Dim operations(const Concat&, const Infer&) { return 0; }

}  // namespace drawbar::ops

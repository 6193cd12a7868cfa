#include "ops/crop/op.h"

#include <algorithm>
#include <limits>

#include "ops/movement/concrete.h"
#include "ops/movement/elements.h"
#include "ops/movement/index.h"
#include "ops/movement/strided_copy.h"

namespace drawbar::ops {

DRAWBAR_OP(CenterCropPad);

void infer(const CenterCropPad& op, Infer& context) {
  context.expect_inputs(2, 2);
  expect_indices(context, 1, "shape");
  context.expect_rank(1, 1, "shape");
  if (!context.ranked(0)) return context.unranked(0, context.element(0));
  Dims dims = context.dims(0);
  std::vector<size_t> axes;
  for (int64_t axis : op.axes)
    axes.push_back(static_cast<size_t>(Infer::axis(axis, context.rank(0), "axes")));
  if (op.axes.empty()) {
    for (size_t i = 0; i < dims.size(); ++i) axes.push_back(i);
  }
  const auto wanted = context.content(1);
  if (wanted && wanted->size() != axes.size()) {
    fail(ErrorCode::invalid_model, "shape has {} entries, expected {}", wanted->size(),
         axes.size());
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    Dim& dim = dims[axes[i]];
    dim = wanted ? (*wanted)[i] : context.fresh("size", std::numeric_limits<int32_t>::max());
    if (dim.is_constant() && dim.value() < 0)
      fail(ErrorCode::invalid_model, "shape[{}] is {}, expected at least 0", i, dim.value());
  }
  context.output(0, context.element(0), std::move(dims));
}

void reference(const CenterCropPad& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor x = unpacked(e.input(0));
  StridedCopy copy;
  copy.from_strides = row_major_strides(x.shape());
  copy.to_strides = row_major_strides(shape);
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t from = x.shape()[i], to = shape[i];
    copy.shape.push_back(std::min(from, to));
    copy.from_offset += std::max<int64_t>(from - to, 0) / 2 * copy.from_strides[i];
    copy.to_offset += std::max<int64_t>(to - from, 0) / 2 * copy.to_strides[i];
  }
  move_into(e, 0, e.input(0).type(), shape, [&](Tensor& y) {
    with_storage_type(y.type(), [&](auto zero) {
      std::fill_n(static_cast<decltype(zero)*>(y.raw()), y.size(), zero);
    });
    copy_strided(copy, x, y, [&] { e.checkpoint(); });
  });
}

Dim operations(const CenterCropPad&, const Infer&) { return 0; }

}  // namespace drawbar::ops

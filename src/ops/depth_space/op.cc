#include "ops/depth_space/op.h"

#include <utility>

#include "base/checked.h"
#include "ops/movement/concrete.h"
#include "ops/movement/elements.h"

namespace drawbar::ops {

DRAWBAR_OP(DepthToSpace);
DRAWBAR_OP(SpaceToDepth);

namespace {

/// block_size squared.
int64_t block_area(const Infer& context, int64_t block_size) {
  context.expect_inputs(1, 1);
  context.expect_rank(0, 4, "x");
  if (block_size < 1)
    fail(ErrorCode::invalid_model, "block_size is {}, expected at least 1", block_size);
  return checked_mul(block_size, block_size);
}

Dim divided(const Dim& dim, int64_t by, std::string_view what) {
  if (dim.is_constant() && dim.value() % by != 0) {
    fail(ErrorCode::invalid_model, "x has {} {}, expected a multiple of {}", dim.value(), what, by);
  }
  return floor_div(dim, by);
}

}  // namespace

void infer(const DepthToSpace& op, Infer& context) {
  const int64_t area = block_area(context, op.block_size);
  if (!context.ranked(0)) return context.unranked(0, context.element(0));
  const Dims& x = context.dims(0);
  context.output(
      0, context.element(0),
      {x[0], divided(x[1], area, "channels"), x[2] * op.block_size, x[3] * op.block_size});
}

bool keeps_rows(const DepthToSpace&, const Infer&, const std::vector<bool>& batched) {
  return batched[0];
}

void infer(const SpaceToDepth& op, Infer& context) {
  const int64_t area = block_area(context, op.block_size);
  if (!context.ranked(0)) return context.unranked(0, context.element(0));
  const Dims& x = context.dims(0);
  context.output(0, context.element(0),
                 {x[0], x[1] * area, divided(x[2], op.block_size, "rows"),
                  divided(x[3], op.block_size, "columns")});
}

bool keeps_rows(const SpaceToDepth&, const Infer&, const std::vector<bool>& batched) {
  return batched[0];
}

StridedCopy depth_to_space_copy(int64_t block_size, bool channels_first, const Shape& deep,
                                const Shape& deep_strides, const Shape& wide_strides) {
  const int64_t b = block_size, channels = deep[1] / (b * b), channel = deep_strides[1];
  const int64_t column = channels_first ? channel : channels * channel;
  StridedCopy copy;
  copy.shape = {deep[0], channels, deep[2], b, deep[3], b};
  copy.from_strides = {deep_strides[0], channels_first ? b * b * channel : channel,
                       deep_strides[2], b * column,
                       deep_strides[3], column};
  copy.to_strides = {wide_strides[0], wide_strides[1],     wide_strides[2] * b,
                     wide_strides[2], wide_strides[3] * b, wide_strides[3]};
  return copy;
}

void reference(const DepthToSpace& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor x = unpacked(e.input(0));
  move_into(e, 0, e.input(0).type(), shape, [&](Tensor& y) {
    copy_strided(depth_to_space_copy(op.block_size, op.channels_first, x.shape(),
                                     row_major_strides(x.shape()), row_major_strides(shape)),
                 x, y, [&] { e.checkpoint(); });
  });
}

void reference(const SpaceToDepth& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor x = unpacked(e.input(0));
  StridedCopy copy = depth_to_space_copy(op.block_size, op.channels_first, shape,
                                         row_major_strides(shape), row_major_strides(x.shape()));
  std::swap(copy.from_strides, copy.to_strides);
  move_into(e, 0, e.input(0).type(), shape,
            [&](Tensor& y) { copy_strided(copy, x, y, [&] { e.checkpoint(); }); });
}

Dim operations(const DepthToSpace&, const Infer&) { return 0; }
Dim operations(const SpaceToDepth&, const Infer&) { return 0; }

}  // namespace drawbar::ops

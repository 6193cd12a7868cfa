#include "ops/scatter/op.h"

#include "ops/movement/index.h"

namespace drawbar::ops {

DRAWBAR_OP(ScatterElements);
DRAWBAR_OP(ScatterND);
DRAWBAR_OP(TensorScatter);

namespace {

void expect_updates(const Infer& context, ScatterReduction reduction) {
  context.expect_inputs(3, 3);
  expect_indices(context, 1, "indices");
  const ElementType type = context.element(0);
  if (context.element(2) != type)
    fail(ErrorCode::invalid_model, "updates are {}, but x is {}", name(context.element(2)),
         name(type));
  const bool number = is_integer(type) || is_floating(type) || type == ElementType::boolean;
  if (reduction != ScatterReduction::none && (!number || bits(type) < 8))
    fail(ErrorCode::invalid_model, "x is {}, which cannot be reduced", name(type));
}

}  // namespace

void infer(const ScatterElements& op, Infer& context) {
  expect_updates(context, op.reduction);
  context.output(0, context.type(0));
  if (!context.ranked(0)) return;
  const int64_t rank = context.rank(0);
  const int64_t axis = rank == 0 ? 0 : Infer::axis(op.axis, rank);
  context.expect_rank(1, rank, "indices");
  context.expect_rank(2, rank, "updates");
  if (!context.ranked(1) || !context.ranked(2)) return;
  for (int64_t i = 0; i < rank; ++i) {
    const auto k = static_cast<size_t>(i);
    const Dim n = Infer::same(context.dims(1)[k], context.dims(2)[k], "indices and updates");
    const Dim& x = context.dims(0)[k];
    if (i != axis && n.is_constant() && x.is_constant() && n.value() > x.value()) {
      fail(ErrorCode::invalid_model, "indices have {} along dimension {}, x has {}", n.value(), i,
           x.value());
    }
  }
}

void infer(const ScatterND& op, Infer& context) {
  expect_updates(context, op.reduction);
  context.output(0, context.type(0));
  if (!context.ranked(0) || !context.ranked(1)) return;
  const Dims &x = context.dims(0), &indices = context.dims(1);
  if (indices.empty()) fail(ErrorCode::invalid_model, "indices have rank 0, expected at least 1");
  if (!indices.back().is_constant()) return;
  const int64_t k = indices.back().value();
  if (k > context.rank(0)) {
    fail(ErrorCode::invalid_model, "indices have {} entries a line, x has rank {}", k,
         context.rank(0));
  }
  Dims wanted(indices.begin(), indices.end() - 1);
  wanted.insert(wanted.end(), x.begin() + k, x.end());
  context.expect_rank(2, static_cast<int64_t>(wanted.size()), "updates");
  if (!context.ranked(2)) return;
  for (size_t i = 0; i < wanted.size(); ++i)
    Infer::same(wanted[i], context.dims(2)[i], fmt::format("dimension {} of updates", i));
}

void infer(const TensorScatter& op, Infer& context) {
  context.expect_inputs(2, 3);
  if (context.element(1) != context.element(0)) {
    fail(ErrorCode::invalid_model, "update is {}, but the cache is {}", name(context.element(1)),
         name(context.element(0)));
  }
  context.output(0, context.type(0));
  if (context.has(2)) {
    expect_indices(context, 2, "starts");
    context.expect_rank(2, 1, "starts");
  }
  if (!context.ranked(0)) return;
  const int64_t rank = context.rank(0), axis = Infer::axis(op.axis, rank);
  if (axis == 0) fail(ErrorCode::invalid_model, "axis is 0, which is the batch");
  context.expect_rank(1, rank, "update");
  if (!context.ranked(1)) return;
  for (int64_t i = 0; i < rank; ++i) {
    const Dim &cache = context.dims(0)[static_cast<size_t>(i)],
              &update = context.dims(1)[static_cast<size_t>(i)];
    if (i != axis) {
      Infer::same(cache, update, fmt::format("dimension {} of cache and update", i));
    } else if (cache.is_constant() && update.is_constant() && update.value() > cache.value()) {
      fail(ErrorCode::invalid_model, "update has {} along the axis, the cache {}", update.value(),
           cache.value());
    }
  }
  if (context.has(2) && context.ranked(2))
    Infer::same(context.dims(0)[0], context.dims(2)[0], "batch and starts");
}

Dim operations(const ScatterElements&, const Infer&) { return 0; }
Dim operations(const ScatterND&, const Infer&) { return 0; }
Dim operations(const TensorScatter&, const Infer&) { return 0; }

}  // namespace drawbar::ops

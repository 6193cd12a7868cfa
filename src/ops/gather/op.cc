#include "ops/gather/op.h"

#include "ops/movement/index.h"

namespace drawbar::ops {

DRAWBAR_OP(Gather);
DRAWBAR_OP(GatherElements);
DRAWBAR_OP(GatherND);

namespace {

/// Constant indices out of range are the model's fault.
void check_constant_indices(const Infer& context, const Dim& size) {
  const auto indices = context.content(1);
  if (!indices || !size.is_constant()) return;
  for (const Dim& index : *indices) {
    const bool known = index.is_constant();
    if (known && (index.value() < -size.value() || index.value() >= size.value())) {
      fail(ErrorCode::invalid_model, "index {} is outside a dimension of {}", index.value(),
           size.value());
    }
  }
}

}  // namespace

void infer(const Gather& op, Infer& context) {
  context.expect_inputs(2, 2);
  expect_indices(context, 1, "indices");
  const ElementType type = context.element(0);
  if (!context.ranked(0) || !context.ranked(1)) return context.unranked(0, type);
  const Dims& x = context.dims(0);
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, context.rank(0)));
  check_constant_indices(context, x[axis]);
  Dims dims(x.begin(), x.begin() + static_cast<int64_t>(axis));
  dims.insert(dims.end(), context.dims(1).begin(), context.dims(1).end());
  dims.insert(dims.end(), x.begin() + static_cast<int64_t>(axis) + 1, x.end());
  const size_t rank = dims.size();
  context.output(0, type, std::move(dims));
  const auto content = context.content(0), indices = context.content(1);
  if (!content || !indices || x.size() != 1 || rank > 1) return;
  const auto size = static_cast<int64_t>(content->size());
  Dims taken;
  for (const Dim& index : *indices) {
    if (!index.is_constant() || index.value() < -size || index.value() >= size) return;
    taken.push_back(
        (*content)[static_cast<size_t>(index.value() + (index.value() < 0 ? size : 0))]);
  }
  context.output_content(0, std::move(taken));
}

bool keeps_rows(const Gather& op, const Infer& context, const std::vector<bool>& batched) {
  return batched[0] && !batched[1] && Infer::axis(op.axis, context.rank(0)) != 0;
}

void infer(const GatherElements& op, Infer& context) {
  context.expect_inputs(2, 2);
  expect_indices(context, 1, "indices");
  const ElementType type = context.element(0);
  if (!context.ranked(1)) return context.unranked(0, type);
  if (context.ranked(0)) {
    context.expect_rank(1, context.rank(0), "indices");
    const int64_t axis = Infer::axis(op.axis, context.rank(0));
    for (int64_t i = 0; i < context.rank(0); ++i) {
      const Dim &x = context.dims(0)[static_cast<size_t>(i)],
                &n = context.dims(1)[static_cast<size_t>(i)];
      if (i != axis && x.is_constant() && n.is_constant() && n.value() > x.value()) {
        fail(ErrorCode::invalid_model, "indices have {} along dimension {}, x has {}", n.value(), i,
             x.value());
      }
    }
  }
  context.output(0, type, context.dims(1));
}

void infer(const GatherND& op, Infer& context) {
  context.expect_inputs(2, 2);
  expect_indices(context, 1, "indices");
  const ElementType type = context.element(0);
  if (!context.ranked(0) || !context.ranked(1)) return context.unranked(0, type);
  const Dims &x = context.dims(0), &indices = context.dims(1);
  const auto rank = std::min(context.rank(0), context.rank(1));
  if (op.batch_dims < 0 || op.batch_dims >= std::max<int64_t>(rank, 1)) {
    fail(ErrorCode::invalid_model, "batch_dims is {}, expected 0 to {}", op.batch_dims, rank - 1);
  }
  if (rank < 1) fail(ErrorCode::invalid_model, "x and indices must have at least one dimension");
  if (!indices.back().is_constant()) return context.unranked(0, type);
  const int64_t k = indices.back().value();
  if (k < 0 || k > context.rank(0) - op.batch_dims) {
    fail(ErrorCode::invalid_model, "indices have {} entries a line, x has {} dimensions for them",
         k, context.rank(0) - op.batch_dims);
  }
  Dims dims(indices.begin(), indices.end() - 1);
  for (size_t i = 0; i < static_cast<size_t>(op.batch_dims); ++i)
    dims[i] = Infer::same(x[i], indices[i], "batch dimension");
  dims.insert(dims.end(), x.begin() + op.batch_dims + k, x.end());
  context.output(0, type, std::move(dims));
}

Dim operations(const Gather&, const Infer&) { return 0; }
Dim operations(const GatherElements&, const Infer&) { return 0; }
Dim operations(const GatherND&, const Infer&) { return 0; }

}  // namespace drawbar::ops

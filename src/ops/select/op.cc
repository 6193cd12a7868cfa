#include "ops/select/op.h"

#include <limits>

#include "ops/movement/index.h"

namespace drawbar::ops {

DRAWBAR_OP(NonZero);
DRAWBAR_OP(Compress);
DRAWBAR_OP(Unique);
DRAWBAR_OP(TopK);
DRAWBAR_OP(OneHot);

namespace {

constexpr int64_t most = std::numeric_limits<int32_t>::max();

bool is_number(ElementType type) { return is_integer(type) || is_floating(type); }

/// One number, in a scalar or a vector.
void expect_one(const Infer& context, size_t i, std::string_view what) {
  if (!context.ranked(i)) return;
  const Dim size = context.tensor(i).size();
  if (context.rank(i) > 1 || (size.is_constant() && size.value() != 1)) {
    fail(ErrorCode::invalid_model, "{} has shape [{}], expected one element", what,
         to_string(context.dims(i)));
  }
}

}  // namespace

void infer(const NonZero&, Infer& context) {
  context.expect_inputs(1, 1);
  if (kind(context.element(0)) == ElementKind::complex)
    fail(ErrorCode::invalid_model, "x is {}", name(context.element(0)));
  if (!context.ranked(0)) {
    return context.output(0, ElementType::i64,
                          {context.fresh("rank", most), context.fresh("count", most)});
  }
  context.output(0, ElementType::i64,
                 {context.rank(0), context.fresh("count", context.tensor(0).size())});
}

void infer(const Compress& op, Infer& context) {
  context.expect_inputs(2, 2);
  if (context.element(1) != ElementType::boolean)
    fail(ErrorCode::invalid_model, "condition is {}, expected bool", name(context.element(1)));
  context.expect_rank(1, 1, "condition");
  const ElementType type = context.element(0);
  if (!context.ranked(0)) {
    if (op.flatten) return context.output(0, type, {context.fresh("count", most)});
    return context.unranked(0, type);
  }
  Dims dims = op.flatten ? Dims{context.tensor(0).size()} : context.dims(0);
  const auto axis = static_cast<size_t>(op.flatten ? 0 : Infer::axis(op.axis, context.rank(0)));
  if (const auto condition = context.content(1)) {
    int64_t kept = 0;
    for (const Dim& flag : *condition) {
      if (!flag.is_constant()) {
        kept = -1;
        break;
      }
      kept += flag.value() != 0;
    }
    dims[axis] = kept >= 0 ? Dim(kept) : context.fresh("count", dims[axis]);
  } else {
    dims[axis] = context.fresh("count", dims[axis]);
  }
  context.output(0, type, std::move(dims));
}

void infer(const Unique& op, Infer& context) {
  context.expect_inputs(1, 1);
  const ElementType type = context.element(0);
  if (kind(type) == ElementKind::complex || bits(type) < 8)
    fail(ErrorCode::invalid_model, "x is {}, which cannot be ordered", name(type));
  if (!context.ranked(0)) {
    const Dim count = context.fresh("count", most);
    if (op.flatten) {
      context.output(0, type, {count});
    } else {
      context.unranked(0, type);
    }
    context.output(1, ElementType::i64, {count});
    context.output(2, ElementType::i64, {context.fresh("size", most)});
    return context.output(3, ElementType::i64, {count});
  }
  Dims dims = op.flatten ? Dims{context.tensor(0).size()} : context.dims(0);
  const auto axis = static_cast<size_t>(op.flatten ? 0 : Infer::axis(op.axis, context.rank(0)));
  const Dim size = dims[axis], count = context.fresh("count", size);
  dims[axis] = count;
  context.output(0, type, std::move(dims));
  context.output(1, ElementType::i64, {count});
  context.output(2, ElementType::i64, {size});
  context.output(3, ElementType::i64, {count});
}

void infer(const TopK& op, Infer& context) {
  context.expect_inputs(2, 2);
  const ElementType type = context.element(0);
  if (!is_number(type) || bits(type) < 8)
    fail(ErrorCode::invalid_model, "x is {}, expected numbers", name(type));
  expect_indices(context, 1, "k");
  expect_one(context, 1, "k");
  if (!context.ranked(0)) {
    context.unranked(0, type);
    return context.unranked(1, ElementType::i64);
  }
  Dims dims = context.dims(0);
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, context.rank(0)));
  Dim& dim = dims[axis];
  if (const auto k = context.content(1)) {
    const Dim& count = k->at(0);
    if (count.is_constant() && count.value() < 0)
      fail(ErrorCode::invalid_model, "k is {}, expected at least 0", count.value());
    if (count.is_constant() && dim.is_constant() && count.value() > dim.value()) {
      fail(ErrorCode::invalid_model, "k is {}, but dimension {} has {}", count.value(), axis,
           dim.value());
    }
    dim = count;
  } else {
    dim = context.fresh("k", dim);
  }
  context.output(0, type, dims);
  context.output(1, ElementType::i64, std::move(dims));
}

void infer(const OneHot& op, Infer& context) {
  context.expect_inputs(3, 3);
  constexpr std::string_view names[] = {"indices", "depth"};
  for (size_t i = 0; i < 2; ++i) {
    if (!is_number(context.element(i)))
      fail(ErrorCode::invalid_model, "{} is {}, expected numbers", names[i],
           name(context.element(i)));
  }
  expect_one(context, 1, "depth");
  if (context.ranked(2)) {
    context.expect_rank(2, 1, "values");
    Infer::same(context.dims(2)[0], 2, "values");
  }
  const ElementType type = context.element(2);
  if (!context.ranked(0)) return context.unranked(0, type);
  Dim depth;
  if (const auto content = context.content(1); content && content->size() == 1) {
    depth = content->front();
  } else if (const Tensor* constant = context.constant(1); constant && constant->size() == 1) {
    depth = read_integer(*constant, 0);
  } else {
    depth = context.fresh("depth", most);
  }
  if (depth.is_constant() && depth.value() < 1)
    fail(ErrorCode::invalid_model, "depth is {}, expected at least 1", depth.value());
  Dims dims = context.dims(0);
  dims.insert(dims.begin() + Infer::axis(op.axis, context.rank(0) + 1), depth);
  context.output(0, type, std::move(dims));
}

}  // namespace drawbar::ops

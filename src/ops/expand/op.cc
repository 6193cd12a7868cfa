#include "ops/expand/op.h"

#include "ops/expand/copy.h"
#include "ops/movement/concrete.h"
#include "ops/movement/elements.h"

namespace drawbar::ops {

DRAWBAR_OP(Expand);
DRAWBAR_OP(Tile);

namespace {

/// Checks an input of sizes: integers in one dimension. Its length when that is known.
std::optional<int64_t> expect_sizes(const Infer& context, size_t i, std::string_view what) {
  if (!is_integer(context.element(i)))
    fail(ErrorCode::invalid_model, "{} is {}, expected i64", what, name(context.element(i)));
  context.expect_rank(i, 1, what);
  if (!context.ranked(i) || !context.dims(i)[0].is_constant()) return std::nullopt;
  return context.dims(i)[0].value();
}

void expect_not_negative(const Dims& sizes, std::string_view what) {
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i].is_constant() && sizes[i].value() < 0)
      fail(ErrorCode::invalid_model, "{}[{}] is {}, expected at least 0", what, i,
           sizes[i].value());
  }
}

}  // namespace

void infer(const Expand&, Infer& context) {
  context.expect_inputs(2, 2);
  const auto length = expect_sizes(context, 1, "shape");
  const ElementType type = context.element(0);
  const auto wanted = context.content(1);
  if (!context.ranked(0) || (!wanted && (!length || *length > 64)))
    return context.unranked(0, type);
  const Dim most = std::numeric_limits<int64_t>::max();
  if (!wanted) {
    Dims dims = context.dims(0);
    while (static_cast<int64_t>(dims.size()) < *length) dims.insert(dims.begin(), Dim(1));
    const size_t lead = dims.size() - static_cast<size_t>(*length);
    for (size_t i = lead; i < dims.size(); ++i) {
      if (!dims[i].is_constant() || dims[i].value() == 1) dims[i] = context.fresh("dim", most);
    }
    return context.output(0, type, std::move(dims));
  }
  expect_not_negative(*wanted, "shape");
  Dims dims = broadcast(context.dims(0), *wanted);
  const bool line = dims.size() <= 1 && context.rank(0) <= 1;
  const Dim size = dims.empty() ? Dim(1) : dims[0];
  context.output(0, type, std::move(dims));
  const auto content = context.content(0);
  if (!line || !content || !size.is_constant() || size.value() > 1024) return;
  if (size == Dim(static_cast<int64_t>(content->size()))) {
    context.output_content(0, *content);
  } else if (content->size() == 1) {
    context.output_content(0, Dims(static_cast<size_t>(size.value()), content->front()));
  }
}

void infer(const Tile&, Infer& context) {
  context.expect_inputs(2, 2);
  const auto length = expect_sizes(context, 1, "repeats");
  const ElementType type = context.element(0);
  if (!context.ranked(0)) return context.unranked(0, type);
  if (length && *length != context.rank(0)) {
    fail(ErrorCode::invalid_model, "repeats has {} entries, expected {} (the rank of x)", *length,
         context.rank(0));
  }
  const auto repeats = context.content(1);
  Dims dims = context.dims(0);
  if (repeats) expect_not_negative(*repeats, "repeats");
  for (size_t i = 0; i < dims.size(); ++i) {
    dims[i] = repeats ? dims[i] * (*repeats)[i]
                      : context.fresh("dim", std::numeric_limits<int64_t>::max());
  }
  const Dim size = dims.empty() ? Dim(1) : dims[0];
  const bool line = dims.size() <= 1;
  context.output(0, type, std::move(dims));
  const auto content = context.content(0);
  if (!line || !content || content->empty() || !size.is_constant() || size.value() > 1024) return;
  Dims repeated;
  for (int64_t i = 0; i < size.value(); ++i)
    repeated.push_back((*content)[static_cast<size_t>(i) % content->size()]);
  context.output_content(0, std::move(repeated));
}

StridedCopy expand_copy(const Shape& x, const Shape& x_strides, const Shape& y,
                        const Shape& y_strides) {
  StridedCopy copy{y, Shape(y.size(), 0), y_strides};
  const size_t lead = y.size() - x.size();
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] != 1) copy.from_strides[lead + i] = x_strides[i];
  }
  return copy;
}

StridedCopy tile_copy(const Shape& x, const Shape& x_strides, const Shape& y,
                      const Shape& y_strides) {
  StridedCopy copy;
  for (size_t i = 0; i < x.size(); ++i) {
    copy.shape.insert(copy.shape.end(), {x[i] == 0 ? 0 : y[i] / x[i], x[i]});
    copy.from_strides.insert(copy.from_strides.end(), {0, x_strides[i]});
    copy.to_strides.insert(copy.to_strides.end(), {y_strides[i] * x[i], y_strides[i]});
  }
  return copy;
}

namespace {

template <class T>
void repeat(const T& op, Evaluation& e,
            StridedCopy (*copy)(const Shape&, const Shape&, const Shape&, const Shape&)) {
  const Shape shape = concrete_shape(op, e);
  const Tensor x = unpacked(e.input(0));
  move_into(e, 0, e.input(0).type(), shape, [&](Tensor& y) {
    copy_strided(copy(x.shape(), row_major_strides(x.shape()), shape, row_major_strides(shape)), x,
                 y, [&] { e.checkpoint(); });
  });
}

}  // namespace

void reference(const Expand& op, Evaluation& e) { repeat(op, e, expand_copy); }
void reference(const Tile& op, Evaluation& e) { repeat(op, e, tile_copy); }

Dim operations(const Expand&, const Infer&) { return 0; }
Dim operations(const Tile&, const Infer&) { return 0; }

}  // namespace drawbar::ops

#include "ops/split/op.h"

#include "ops/movement/concrete.h"
#include "ops/movement/elements.h"
#include "ops/movement/strided_copy.h"

namespace drawbar::ops {

DRAWBAR_OP(Split);

namespace {

/// The sizes of the pieces; nothing when they are only known while running.
std::optional<Dims> piece_sizes(const Split& op, const Infer& context, const Dim& whole) {
  const size_t count = context.outputs();
  if (context.has(1) || !op.sizes.empty()) {
    std::optional<Dims> sizes;
    if (context.has(1)) {
      if (!is_integer(context.element(1)))
        fail(ErrorCode::invalid_model, "sizes are {}, expected i64", name(context.element(1)));
      context.expect_rank(1, 1, "sizes");
      sizes = context.content(1);
      if (!sizes) return std::nullopt;
    } else {
      sizes = Dims(op.sizes.begin(), op.sizes.end());
    }
    if (sizes->size() != count) {
      fail(ErrorCode::invalid_model, "has {} sizes for {} outputs", sizes->size(), count);
    }
    Dim sum;
    for (const Dim& size : *sizes) {
      if (size.is_constant() && size.value() < 0)
        fail(ErrorCode::invalid_model, "a size is {}, expected at least 0", size.value());
      sum = sum + size;
    }
    if (sum.is_constant() && whole.is_constant() && !(sum == whole)) {
      fail(ErrorCode::invalid_model, "the sizes add up to {}, the dimension is {}", sum.value(),
           whole.value());
    }
    return sizes;
  }
  const Dim n = static_cast<int64_t>(count);
  const Dim exact = floor_div(whole, n);
  if (exact * n == whole) return Dims(count, exact);
  const Dim piece = ceil_div(whole, n);
  Dims sizes;
  for (Dim rest = whole; sizes.size() < count; rest = rest - piece)
    sizes.push_back(max(min(piece, rest), 0));
  return sizes;
}

}  // namespace

void infer(const Split& op, Infer& context) {
  context.expect_inputs(1, 2);
  const ElementType type = context.element(0);
  if (!context.ranked(0)) {
    for (size_t i = 0; i < context.outputs(); ++i) context.unranked(i, type);
    return;
  }
  const Dims& x = context.dims(0);
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, context.rank(0)));
  const auto sizes = piece_sizes(op, context, x[axis]);
  const auto content = x.size() == 1 ? context.content(0) : std::nullopt;
  int64_t offset = 0;
  bool placed = content.has_value();
  for (size_t i = 0; i < context.outputs(); ++i) {
    Dims dims = x;
    dims[axis] = sizes ? (*sizes)[i] : context.fresh("size", x[axis]);
    const Dim size = dims[axis];
    context.output(i, type, std::move(dims));
    placed = placed && size.is_constant() &&
             offset + size.value() <= static_cast<int64_t>(content->size());
    if (!placed) continue;
    context.output_content(i,
                           {content->begin() + offset, content->begin() + offset + size.value()});
    offset += size.value();
  }
}

bool keeps_rows(const Split& op, const Infer& context, const std::vector<bool>& batched) {
  return batched[0] && Infer::axis(op.axis, context.rank(0)) != 0;
}

void reference(const Split& op, Evaluation& e) {
  const ConcreteInputs inputs(e);
  Infer context = inputs.infer(e.outputs());
  try {
    infer(op, context);
  } catch (const Error& error) {
    rethrow_as_argument(error);
  }
  const ElementType type = e.input(0).type();
  const Tensor x = unpacked(e.input(0));
  const Shape strides = row_major_strides(x.shape());
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, x.rank()));
  int64_t offset = 0;
  for (size_t i = 0; i < e.outputs(); ++i) {
    const Shape shape = static_shape(context.results()[i], i);
    move_into(e, i, type, shape, [&](Tensor& y) {
      copy_strided({shape, strides, row_major_strides(shape), offset, 0}, x, y,
                   [&] { e.checkpoint(); });
    });
    offset += shape[axis] * strides[axis];
  }
}

Dim operations(const Split&, const Infer&) { return 0; }

}  // namespace drawbar::ops

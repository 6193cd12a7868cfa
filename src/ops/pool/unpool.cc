#include <cstring>

#include "base/checked.h"
#include "ops/pool/op.h"

namespace drawbar::ops {

DRAWBAR_OP(MaxUnpool);

namespace {

/// The shape that MaxPool with these attributes would have come from.
Dims unpooled_dims(const MaxUnpool& op, const Dims& x) {
  const Window w = checked_window({.kernel = op.kernel,
                                   .strides = op.strides,
                                   .pads_begin = op.pads_begin,
                                   .pads_end = op.pads_end});
  if (x.size() != w.rank() + 2) {
    fail(ErrorCode::invalid_model, "x has rank {}, expected {}", x.size(), w.rank() + 2);
  }
  Dims y(x.begin(), x.begin() + 2);
  for (size_t i = 0; i < w.rank(); ++i) {
    y.push_back((x[i + 2] - 1) * w.strides[i] + w.kernel[i] - w.pads_begin[i] - w.pads_end[i]);
    if (y.back().is_constant() && y.back().value() < 0) {
      fail(ErrorCode::invalid_model, "spatial dimension {} of y is {}", i, y.back().value());
    }
  }
  return y;
}

}  // namespace

void infer(const MaxUnpool& op, Infer& context) {
  context.expect_inputs(2, 3);
  const ElementType element = context.element(0);
  if (!is_floating(element)) {
    fail(ErrorCode::invalid_model, "x is {}, expected a float type", name(element));
  }
  if (context.element(1) != ElementType::i64) {
    fail(ErrorCode::invalid_model, "indices are {}, expected i64", name(context.element(1)));
  }
  if (!context.ranked(0)) return context.unranked(0, element);
  const Dims& x = context.dims(0);
  if (context.ranked(1)) {
    context.expect_rank(1, context.rank(0), "indices");
    for (size_t i = 0; i < x.size(); ++i) Infer::same(x[i], context.dims(1)[i], "x and indices");
  }
  Dims y = unpooled_dims(op, x);
  if (context.has(2)) {
    const std::optional<Dims> given = context.content(2);
    if (given && given->size() != x.size()) {
      fail(ErrorCode::invalid_model, "output_shape has {} numbers, expected {}", given->size(),
           x.size());
    }
    for (size_t i = 0; i < y.size(); ++i) {
      if (given && (*given)[i].is_constant() && (*given)[i].value() < 0) {
        fail(ErrorCode::invalid_model, "output_shape[{}] is negative", i);
      }
      y[i] = given ? (*given)[i] : context.fresh("size", y[i] + (i < 2 ? 0 : op.kernel[i - 2]));
    }
  }
  context.output(0, element, y);
}

void reference(const MaxUnpool& op, Evaluation& e) {
  const Tensor &x = e.input(0), &indices = e.input(1);
  Shape plain;
  for (const Dim& dim : unpooled_dims(op, to_dims(x.shape()))) plain.push_back(dim.value());
  const Shape shape = e.has(2) ? Shape(read_integers(e.input(2))) : plain;
  if (shape.size() != plain.size()) {
    fail(ErrorCode::invalid_argument, "output_shape has {} numbers, expected {}", shape.size(),
         plain.size());
  }
  Tensor& y = e.output(0, x.type(), shape);
  std::memset(y.raw(), 0, static_cast<size_t>(y.bytes()));
  const int64_t range = element_count(plain);
  const int64_t* places = indices.data<int64_t>();
  with_element_type(x.type(), [&](auto type) {
    using T = decltype(type);
    for (int64_t i = 0; i < x.size(); ++i) {
      int64_t rest = places[i], to = 0, step = 1;
      if (rest < 0 || rest >= range) {
        fail(ErrorCode::invalid_argument, "index {} is outside the {} unpooled elements", rest,
             range);
      }
      bool inside = true;
      for (size_t axis = shape.size(); axis-- > 0;) {
        const int64_t coordinate = rest % plain[axis];
        rest /= plain[axis];
        inside &= coordinate < shape[axis];
        to += coordinate * step;
        step *= shape[axis];
      }
      if (!inside) {
        fail(ErrorCode::invalid_argument, "index {} is outside output_shape", places[i]);
      }
      y.data<T>()[to] = x.data<T>()[i];
    }
  });
}

}  // namespace drawbar::ops

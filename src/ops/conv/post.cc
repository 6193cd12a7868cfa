#include "ops/conv/post.h"

namespace drawbar::ops {
namespace {

/// The elements between neighbours of `shape`, broadcast to `to`; 0 along broadcast dimensions.
Shape broadcast_strides(const Shape& shape, const Shape& to) {
  Shape strides(to.size(), 0);
  int64_t step = 1;
  for (size_t i = 1; i <= shape.size(); ++i) {
    const int64_t dim = shape[shape.size() - i];
    if (dim != 1) strides[to.size() - i] = step;
    step *= dim;
  }
  return strides;
}

}  // namespace

ConvolutionPost::ConvolutionPost(const Program& program, const Evaluation& e, const Shape& y)
    : program_(program), y_(y) {
  for (size_t i = 3; i < e.inputs(); ++i) {
    extras_.push_back(&e.input(i));
    strides_.push_back(broadcast_strides(e.input(i).shape(), y));
  }
}

double ConvolutionPost::operator()(double sum, int64_t image, int64_t channel, int64_t position,
                                   std::vector<double>& values) const {
  if (program_.empty()) return sum;
  values.assign(1, sum);
  for (size_t k = 0; k < extras_.size(); ++k) {
    const Shape& s = strides_[k];
    int64_t at = image * s[0] + channel * s[1], rest = position;
    for (size_t axis = s.size() - 1; axis >= 2; --axis) {
      at += rest % y_[axis] * s[axis];
      rest /= y_[axis];
    }
    values.push_back(read_number(*extras_[k], at));
  }
  return program_.evaluate(values);
}

void check_convolution_inputs(const Program& post, const Infer& context, uint32_t half_weights) {
  const auto extras = static_cast<size_t>(post.inputs - 1);
  context.expect_inputs(2, 3 + extras);
  if (extras > 0 && context.inputs() != 3 + extras) {
    fail(ErrorCode::invalid_model, "has {} inputs, expected {}", context.inputs(), 3 + extras);
  }
  const ElementType element = context.element(0);
  if (!is_floating(element)) {
    fail(ErrorCode::invalid_model, "x is {}, expected a float type", name(element));
  }
  for (size_t i = 1; i < context.inputs(); ++i) {
    if (i == 2 && !context.has(i)) continue;
    const bool stored_half =
        (half_weights >> i & 1) != 0 && element == ElementType::f32 && is_half(context.element(i));
    if (context.element(i) != element && !stored_half) {
      fail(ErrorCode::invalid_model, "input {} is {}, expected {} as x is", i,
           name(context.element(i)), name(element));
    }
  }
}

void check_convolution_extras(const Infer& context, const Dims& y) {
  if (context.has(2) && context.ranked(2)) {
    context.expect_rank(2, 1, "b");
    Infer::same(context.dims(2)[0], y[1], "b's size and w's output channels");
  }
  for (size_t i = 3; i < context.inputs(); ++i) {
    if (!context.ranked(i)) continue;
    const Dims both = broadcast(context.dims(i), y);
    bool fits = both.size() == y.size();
    for (size_t k = 0; fits && k < y.size(); ++k) {
      fits = !both[k].is_constant() || !y[k].is_constant() || both[k] == y[k];
    }
    if (!fits) {
      fail(ErrorCode::invalid_model, "input {} is [{}], which does not broadcast to [{}]", i,
           to_string(context.dims(i)), to_string(y));
    }
  }
}

}  // namespace drawbar::ops

#include "ops/conv/op.h"

#include "ops/conv/convolve.h"
#include "ops/window/rounded.h"

namespace drawbar::ops {

DRAWBAR_OP(Conv);

namespace detail {

void check_convolution(const Dims& x, const Dims& w, int64_t group) {
  if (x.size() < 3) fail(ErrorCode::invalid_model, "x has rank {}, expected at least 3", x.size());
  if (w.size() != x.size()) {
    fail(ErrorCode::invalid_model, "w has rank {}, expected {} as x has", w.size(), x.size());
  }
  if (w[0].is_constant() && w[0].value() % group != 0) {
    fail(ErrorCode::invalid_model, "w has {} output channels, expected a multiple of group {}",
         w[0].value(), group);
  }
  if (w[1].is_constant() && x[1].is_constant() && (w[1] * group).value() != x[1].value()) {
    fail(ErrorCode::invalid_model, "w has {} input channels in {} groups, x has {}", w[1].value(),
         group, x[1].value());
  }
}

}  // namespace detail

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

/// Applies `post` to one output channel of one image, whose sums have been computed.
class Post {
 public:
  Post(const Program& program, const Evaluation& e, const Shape& y) : program_(program) {
    for (size_t i = 3; i < e.inputs(); ++i) {
      extras_.push_back(&e.input(i));
      strides_.push_back(broadcast_strides(e.input(i).shape(), y));
    }
  }

  double operator()(double sum, int64_t image, int64_t channel, const Window3& window,
                    int64_t position, std::vector<double>& values) const {
    if (program_.empty()) return sum;
    values.assign(1, sum);
    for (size_t k = 0; k < extras_.size(); ++k) {
      const Shape& s = strides_[k];
      int64_t at = image * s[0] + channel * s[1], rest = position;
      for (size_t axis = s.size() - 1; axis >= 2; --axis) {
        const int64_t size = window.output[axis + 3 - s.size()];
        at += rest % size * s[axis];
        rest /= size;
      }
      values.push_back(read_number(*extras_[k], at));
    }
    return program_.evaluate(values);
  }

 private:
  const Program& program_;
  std::vector<const Tensor*> extras_;
  std::vector<Shape> strides_;
};

template <class T>
void convolve(const Conv& op, Evaluation& e, const Window3& window, Tensor& y) {
  const Tensor &x = e.input(0), &w = e.input(1);
  const T *xs = x.data<T>(), *ws = w.data<T>();
  const T* bias = e.has(2) ? e.input(2).data<T>() : nullptr;
  T* ys = y.data<T>();
  const int64_t channels = w.dim(1), out_channels = w.dim(0);
  const int64_t inputs = window.inputs(), outputs = window.outputs(), taps = window.taps();
  const Post post(op.post, e, y.shape());
  e.pool().parallel_for(x.dim(0) * out_channels, 1, [&](int64_t begin, int64_t end, int) {
    std::vector<double> sums(static_cast<size_t>(outputs)), values;
    for (int64_t plane = begin; plane < end; ++plane) {
      e.checkpoint();
      const int64_t image = plane / out_channels, m = plane % out_channels;
      const int64_t first = m / (out_channels / op.group) * channels;
      const T* image_x = xs + (image * x.dim(1) + first) * inputs;
      const T* filter = ws + m * channels * taps;
      std::fill(sums.begin(), sums.end(), bias ? static_cast<double>(bias[m]) : 0.0);
      convolve_channel(
          window, channels, [&](int64_t c, int64_t i) { return image_x[c * inputs + i]; },
          [&](int64_t c, int64_t tap) { return static_cast<double>(filter[c * taps + tap]); },
          sums.data());
      for (int64_t o = 0; o < outputs; ++o) {
        const double result = post(sums[static_cast<size_t>(o)], image, m, window, o, values);
        ys[plane * outputs + o] = rounded<T>(result);
      }
    }
  });
}

}  // namespace

void infer(const Conv& op, Infer& context) {
  const auto extras = static_cast<size_t>(op.post.inputs - 1);
  context.expect_inputs(2, 3 + extras);
  if (extras > 0) context.expect_inputs(3 + extras, 3 + extras);
  const ElementType element = context.element(0);
  if (!is_floating(element)) {
    fail(ErrorCode::invalid_model, "x is {}, expected a float type", name(element));
  }
  for (size_t i = 1; i < context.inputs(); ++i) {
    if (context.has(i) && context.element(i) != element) {
      fail(ErrorCode::invalid_model, "input {} is {}, expected {} as x is", i,
           name(context.element(i)), name(element));
    }
  }
  const std::optional<Dims> y = convolution_dims(op, context, 0, 1);
  if (!y) return context.unranked(0, element);
  if (context.has(2) && context.ranked(2)) {
    context.expect_rank(2, 1, "b");
    Infer::same(context.dims(2)[0], (*y)[1], "b's size and w's output channels");
  }
  for (size_t i = 3; i < context.inputs(); ++i) {
    if (!context.ranked(i)) continue;
    const Dims both = broadcast(context.dims(i), *y);
    for (size_t k = 0; k < both.size(); ++k) {
      if (both.size() == y->size() &&
          (!both[k].is_constant() || !(*y)[k].is_constant() || both[k] == (*y)[k])) {
        continue;
      }
      fail(ErrorCode::invalid_model, "input {} is [{}], which does not broadcast to [{}]", i,
           to_string(context.dims(i)), to_string(*y));
    }
  }
  context.output(0, element, *y);
}

Dim operations(const Conv& op, const Infer& context) {
  const std::optional<Dims> y = convolution_dims(op, context, 0, 1);
  if (!y) return Dim(0);
  Dim outputs(1), per_output(2);
  for (const Dim& dim : *y) outputs = outputs * dim;
  for (size_t i = 1; i < context.dims(1).size(); ++i) per_output = per_output * context.dims(1)[i];
  return outputs * (per_output + op.post.operations());
}

void reference(const Conv& op, Evaluation& e) {
  const Tensor &x = e.input(0), &w = e.input(1);
  const Window3 window(convolution_window(op, w.shape()), x.shape());
  Shape shape = {x.dim(0), w.dim(0)};
  for (int64_t i = 2; i < x.rank(); ++i) shape.push_back(window.output[i + 3 - x.rank()]);
  Tensor& y = e.output(0, x.type(), shape);
  switch (x.type()) {
    case ElementType::f32:
      return convolve<float>(op, e, window, y);
    case ElementType::f64:
      return convolve<double>(op, e, window, y);
    case ElementType::f16:
      return convolve<Float16>(op, e, window, y);
    case ElementType::bf16:
      return convolve<BFloat16>(op, e, window, y);
    default:
      fail(ErrorCode::unsupported, "convolution of {}", name(x.type()));
  }
}

}  // namespace drawbar::ops

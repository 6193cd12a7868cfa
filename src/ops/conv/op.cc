#include "ops/conv/op.h"

#include "base/half_tensor.h"
#include "ops/conv/convolve.h"
#include "ops/conv/post.h"
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

template <class T>
void convolve(const Conv& op, Evaluation& e, const Window3& window, Tensor& y) {
  const Tensor& x = e.input(0);
  const Tensor w = e.input(1).type() == x.type() ? e.input(1) : to_f32(e.input(1));
  const T *xs = x.data<T>(), *ws = w.data<T>();
  const T* bias = e.has(2) ? e.input(2).data<T>() : nullptr;
  T* ys = y.data<T>();
  const int64_t channels = w.dim(1), out_channels = w.dim(0);
  const int64_t inputs = window.inputs(), outputs = window.outputs(), taps = window.taps();
  const ConvolutionPost post(op.post, e, y.shape());
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
        const double result = post(sums[static_cast<size_t>(o)], image, m, o, values);
        ys[plane * outputs + o] = rounded<T>(result);
      }
    }
  });
}

}  // namespace

void infer(const Conv& op, Infer& context) {
  check_convolution_inputs(op.post, context, half_weights(op));
  const ElementType element = context.element(0);
  const std::optional<Dims> y = convolution_dims(op, context, 0, 1);
  if (!y) return context.unranked(0, element);
  check_convolution_extras(context, *y);
  context.output(0, element, *y);
}

uint32_t half_weights(const Conv&) { return 1U << 1; }

bool keeps_rows(const Conv&, const Infer& context, const std::vector<bool>& batched) {
  return batched[0] && !batched[1] && (!context.has(2) || !batched[2]) &&
         rows_broadcast(context, batched, context.rank(0), 3);
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

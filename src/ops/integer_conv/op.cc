#include "ops/integer_conv/op.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/conv/convolve.h"
#include "ops/conv/op.h"
#include "ops/quantize/operands.h"

namespace drawbar::ops {

DRAWBAR_OP(ConvInteger);
DRAWBAR_OP(QLinearConv);

namespace {

/// A scalar or one element, or [channels] where `channels` is not null.
void check_size(const Infer& context, size_t i, const Dim* channels, std::string_view what) {
  if (!context.has(i) || !context.ranked(i)) return;
  if (context.rank(i) > 1) {
    fail(ErrorCode::invalid_model, "{} has rank {}, expected 0 or 1", what, context.rank(i));
  }
  if (context.rank(i) == 0 || context.dims(i)[0] == Dim(1)) return;
  Infer::same(context.dims(i)[0], channels ? *channels : Dim(1), what);
}

/// Zero points: one for all channels or one for each.
class ZeroPoints {
 public:
  ZeroPoints(Evaluation& e, size_t i) : values_(e.has(i) ? read_integers(e.input(i)) : Zeros{0}) {}
  int64_t operator[](int64_t channel) const {
    return values_[values_.size() > 1 ? static_cast<size_t>(channel) : 0];
  }

 private:
  using Zeros = std::vector<int64_t>;
  Zeros values_;
};

/// What the two have in common: x, w and where they stand among the inputs.
struct Operands {
  size_t x, x_zero, w, w_zero;
};

/// Calls store(image, channel, sums) for every output channel of every image.
template <class Op, class Store>
void convolve(const Op& op, Evaluation& e, const Operands& at, const Window3& window,
              const Store& store) {
  const Tensor &x = e.input(at.x), &w = e.input(at.w);
  const int64_t x_zero = ZeroPoints(e, at.x_zero)[0];
  const ZeroPoints w_zero(e, at.w_zero);
  const int64_t channels = w.dim(1), out_channels = w.dim(0), taps = window.taps();
  const auto run = [&](const auto* xs, const auto* ws) {
    e.pool().parallel_for(x.dim(0) * out_channels, 1, [&](int64_t begin, int64_t end, int) {
      std::vector<int64_t> sums(static_cast<size_t>(window.outputs()));
      for (int64_t plane = begin; plane < end; ++plane) {
        e.checkpoint();
        const int64_t image = plane / out_channels, m = plane % out_channels;
        const int64_t first = m / (out_channels / op.group) * channels;
        const auto* from = xs + (image * x.dim(1) + first) * window.inputs();
        const auto* filter = ws + m * channels * taps;
        std::fill(sums.begin(), sums.end(), 0);
        convolve_channel(
            window, channels,
            [&](int64_t c, int64_t i) { return from[c * window.inputs() + i] - x_zero; },
            [&](int64_t c, int64_t tap) { return filter[c * taps + tap] - w_zero[m]; },
            sums.data());
        store(image, m, sums);
      }
    });
  };
  const auto with_w = [&](const auto* xs) {
    if (w.type() == ElementType::u8) return run(xs, w.data<uint8_t>());
    return run(xs, w.data<int8_t>());
  };
  if (x.type() == ElementType::u8) return with_w(x.data<uint8_t>());
  return with_w(x.data<int8_t>());
}

Shape output_shape(const Tensor& x, const Tensor& w, const Window3& window) {
  Shape shape = {x.dim(0), w.dim(0)};
  for (int64_t i = 2; i < x.rank(); ++i) shape.push_back(window.output[i + 3 - x.rank()]);
  return shape;
}

template <class Op>
Dim multiply_adds(const Op& op, const Infer& context, size_t x, size_t w) {
  const std::optional<Dims> y = convolution_dims(op, context, x, w);
  if (!y) return Dim(0);
  Dim product(2);
  for (const Dim& dim : *y) product = product * dim;
  for (size_t i = 1; i < context.dims(w).size(); ++i) product = product * context.dims(w)[i];
  return product;
}

constexpr Operands integer_operands{0, 2, 1, 3};
constexpr Operands linear_operands{0, 2, 3, 5};

}  // namespace

void infer(const ConvInteger& op, Infer& context) {
  context.expect_inputs(2, 4);
  check_byte(context, 0, "x");
  check_byte(context, 1, "w");
  check_type(context, 2, context.element(0), "x_zero_point");
  check_type(context, 3, context.element(1), "w_zero_point");
  const std::optional<Dims> y = convolution_dims(op, context, 0, 1);
  check_size(context, 2, nullptr, "x_zero_point's size");
  if (!y) return context.unranked(0, ElementType::i32);
  check_size(context, 3, &(*y)[1], "w_zero_point's size and w's output channels");
  context.output(0, ElementType::i32, *y);
}

void reference(const ConvInteger& op, Evaluation& e) {
  const Tensor &x = e.input(0), &w = e.input(1);
  const Window3 window(convolution_window(op, w.shape()), x.shape());
  Tensor& y = e.output(0, ElementType::i32, output_shape(x, w, window));
  convolve(op, e, integer_operands, window,
           [&](int64_t image, int64_t m, const std::vector<int64_t>& sums) {
             int32_t* to = y.data<int32_t>() + (image * w.dim(0) + m) * window.outputs();
             for (int64_t sum : sums) *to++ = static_cast<int32_t>(sum);
           });
}

Dim operations(const ConvInteger& op, const Infer& context) {
  return multiply_adds(op, context, 0, 1);
}

void infer(const QLinearConv& op, Infer& context) {
  context.expect_inputs(6, 9);
  const bool to_f32 = !context.has(6) && !context.has(7);
  check_byte(context, 0, "x");
  check_byte(context, 3, "w");
  if (!to_f32) check_byte(context, 7, "y_zero_point");
  check_type(context, 2, context.element(0), "x_zero_point");
  check_type(context, 5, context.element(3), "w_zero_point");
  for (size_t i : {1, 4}) check_type(context, i, ElementType::f32, "a scale");
  if (!to_f32) check_type(context, 6, ElementType::f32, "a scale");
  check_bias(context, 8, to_f32, "b");
  for (size_t i : {1, 2, 6, 7}) check_size(context, i, nullptr, "size of a scale or zero point");
  const ElementType element = to_f32 ? ElementType::f32 : context.element(7);
  const std::optional<Dims> y = convolution_dims(op, context, 0, 3);
  if (!y) return context.unranked(0, element);
  for (size_t i : {4, 5}) {
    check_size(context, i, &(*y)[1], "numbers of w's scales or zero points and output channels");
  }
  if (context.has(8) && context.ranked(8)) {
    context.expect_rank(8, 1, "b");
    Infer::same(context.dims(8)[0], (*y)[1], "b's size and w's output channels");
  }
  context.output(0, element, *y);
}

void reference(const QLinearConv& op, Evaluation& e) {
  const Tensor &x = e.input(0), &w = e.input(3), &w_scale = e.input(4);
  const Window3 window(convolution_window(op, w.shape()), x.shape());
  const bool to_f32 = !e.has(7);
  const ElementType element = to_f32 ? ElementType::f32 : e.input(7).type();
  Tensor& y = e.output(0, element, output_shape(x, w, window));
  const auto zero = to_f32 ? 0 : static_cast<float>(read_integer(e.input(7), 0));
  const float x_scale = e.input(1).data<float>()[0],
              y_scale = to_f32 ? 1 : e.input(6).data<float>()[0];
  const LinearBias bias(e, 8);
  convolve(op, e, linear_operands, window,
           [&](int64_t image, int64_t m, const std::vector<int64_t>& sums) {
             const float scale =
                 x_scale * w_scale.data<float>()[w_scale.size() > 1 ? m : 0] / y_scale;
             const int64_t start = (image * w.dim(0) + m) * window.outputs();
             for (size_t i = 0; i < sums.size(); ++i) {
               const auto sum = static_cast<float>(sums[i] + bias.steps(m));
               if (to_f32) {
                 y.data<float>()[start + static_cast<int64_t>(i)] = sum * scale + bias.addend(m);
                 continue;
               }
               const float value = std::nearbyint(sum * scale) + zero;
               write_integer(y, start + static_cast<int64_t>(i), saturated(value, element));
             }
           });
}

Dim operations(const QLinearConv& op, const Infer& context) {
  return multiply_adds(op, context, 0, 3);
}

bool keeps_rows(const QLinearConv&, const Infer&, const std::vector<bool>& batched) {
  return batched[0] && std::find(batched.begin() + 1, batched.end(), true) == batched.end();
}

}  // namespace drawbar::ops

#include "ops/integer_pool/op.h"

#include <cmath>

#include "ir/evaluate.h"
#include "ir/infer.h"
#include "ops/pool/taps.h"
#include "ops/quantize/operands.h"

namespace drawbar::ops {

DRAWBAR_OP(QLinearAveragePool);

namespace {

constexpr size_t y_scale_input = 3, y_zero_input = 4;

Dims output_dims(const QLinearAveragePool& op, const Dims& x) {
  if (!op.is_global()) return window_positions(pool_window(op.pool), x);
  Dims y(x.size(), Dim(1));
  std::copy_n(x.begin(), 2, y.begin());
  return y;
}

/// A window as large as x is one along the last axis.
Window3 window_over(const QLinearAveragePool& op, const Shape& x) {
  if (!op.is_global()) return {pool_window(op.pool), x};
  Window3 window;
  for (size_t i = 2; i < x.size(); ++i) window.input[2] *= x[i];
  window.kernel[2] = window.input[2];
  return window;
}

}  // namespace

void infer(const QLinearAveragePool& op, Infer& context) {
  context.expect_inputs(3, 5);
  check_byte(context, 0, "x");
  check_type(context, 1, ElementType::f32, "x_scale");
  check_type(context, 2, context.element(0), "x_zero_point");
  const bool quantised = context.has(y_scale_input);
  if (quantised != context.has(y_zero_input)) {
    fail(ErrorCode::invalid_model, "y has {}, expected both or none",
         quantised ? "a scale without a zero point" : "a zero point without a scale");
  }
  ElementType element = ElementType::f32;
  if (quantised) {
    check_type(context, y_scale_input, ElementType::f32, "y_scale");
    check_byte(context, y_zero_input, "y_zero_point");
    element = context.element(y_zero_input);
  }
  for (size_t i = 1; i < (quantised ? 5U : 3U); ++i)
    context.expect_rank(i, 0, "a scale or zero point");
  if (!op.is_global()) pool_window(op.pool);
  if (!context.ranked(0)) return context.unranked(0, element);
  if (context.rank(0) < 2) {
    fail(ErrorCode::invalid_model, "x has rank {}, expected at least 2", context.rank(0));
  }
  context.output(0, element, output_dims(op, context.dims(0)));
}

void reference(const QLinearAveragePool& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  const Window3 w = window_over(op, x.shape());
  Shape shape(x.shape().size(), 1);
  std::copy_n(x.shape().begin(), 2, shape.begin());
  for (size_t i = 2; i < shape.size() && !op.is_global(); ++i)
    shape[i] = w.output[i + 3 - shape.size()];
  const bool quantised = e.has(y_scale_input);
  const ElementType element = quantised ? e.input(y_zero_input).type() : ElementType::f32;
  Tensor& y = e.output(0, element, shape);
  const float x_scale = e.input(1).data<float>()[0];
  const float y_scale = quantised ? e.input(y_scale_input).data<float>()[0] : 1;
  const int64_t x_zero = read_integer(e.input(2), 0);
  const float y_zero =
      quantised ? static_cast<float>(read_integer(e.input(y_zero_input), 0)) : 0.0f;
  const int64_t planes = w.outputs() == 0 ? 0 : y.size() / w.outputs();
  e.pool().parallel_for(planes, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t plane = begin; plane < end; ++plane) {
      e.checkpoint();
      for (int64_t position = 0; position < w.outputs(); ++position) {
        const PoolTaps taps = taps_at(w, position, op.pool.count_include_pad);
        int64_t sum = 0;
        taps.for_each(w, [&](int64_t i, int64_t j, int64_t k) {
          const int64_t at = (i * w.input[1] + j) * w.input[2] + k;
          sum += read_integer(x, plane * w.inputs() + at) - x_zero;
        });
        const int64_t to = plane * w.outputs() + position;
        const float mean =
            static_cast<float>(sum) * (x_scale / (y_scale * static_cast<float>(taps.count)));
        if (quantised) {
          write_integer(y, to, saturated(std::nearbyint(mean) + y_zero, element));
        } else {
          y.data<float>()[to] = mean;
        }
      }
    }
  });
}

Dim operations(const QLinearAveragePool& op, const Infer& context) {
  if (!context.ranked(0)) return Dim(0);
  if (op.is_global()) return context.tensor(0).size();
  Dim product(1);
  for (const Dim& dim : output_dims(op, context.dims(0))) product = product * dim;
  for (int64_t k : op.pool.kernel) product = product * k;
  return product;
}

bool keeps_rows(const QLinearAveragePool&, const Infer&, const std::vector<bool>& batched) {
  return batched[0];
}

}  // namespace drawbar::ops

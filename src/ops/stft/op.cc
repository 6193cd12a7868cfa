#include "ops/stft/op.h"

#include <algorithm>

#include "ops/dft/fourier.h"
#include "ops/dft/signal_inputs.h"
#include "ops/movement/concrete.h"

namespace drawbar::ops {

DRAWBAR_OP(Stft);

namespace {

/// Samples of a frame, or nothing where they are only known while running.
std::optional<Dim> frame_length(const Infer& context) {
  std::optional<Dim> given = one_integer(context, 3);
  if (context.has(2) && context.ranked(2)) {
    const Dim& window = context.dims(2)[0];
    return given ? Infer::same(window, *given, "the window and frame_length") : window;
  }
  if (given || context.has(2) || context.has(3)) return given;
  return context.dims(0)[1];
}

Dim frames_of(const Dim& samples, const Dim& length, int64_t step) {
  if (samples.is_constant() && length.is_constant() && length.value() > samples.value()) {
    fail(ErrorCode::invalid_model, "signal has {} samples, a frame has {}", samples.value(),
         length.value());
  }
  return floor_div(samples - length, step) + 1;
}

Dim points_of(const Stft& op, const Dim& length) {
  return op.onesided ? floor_div(length, 2) + 1 : length;
}

}  // namespace

void infer(const Stft& op, Infer& context) {
  context.expect_inputs(2, 4);
  expect_signal(context, 0, "signal");
  context.expect_rank(0, 3, "signal");
  expect_one_integer(context, 1, "frame_step");
  if (context.has(2)) {
    context.expect_rank(2, 1, "window");
    if (context.element(2) != context.element(0)) {
      fail(ErrorCode::invalid_model, "window is {}, signal is {}", name(context.element(2)),
           name(context.element(0)));
    }
  }
  if (context.has(3)) expect_one_integer(context, 3, "frame_length");
  const std::optional<Dim> step = one_integer(context, 1);
  if (step && step->is_constant() && step->value() < 1)
    fail(ErrorCode::invalid_model, "frame_step is {}, expected at least 1", step->value());
  if (!context.ranked(0)) return context.unranked(0, context.element(0));
  const Dims& signal = context.dims(0);
  if (signal[2].is_constant() && signal[2].value() != 1 && signal[2].value() != 2) {
    fail(ErrorCode::invalid_model,
         "the last dimension of signal is {}, expected 1 (real) or 2 (complex)", signal[2].value());
  }
  const std::optional<Dim> length = frame_length(context);
  if (length) check_length(*length, "frame_length");
  Dim frames, points;
  if (length && step && step->is_constant()) {
    frames = frames_of(signal[1], *length, step->value());
  } else {
    frames = context.fresh("frames", signal[1]);
  }
  points = length ? points_of(op, *length) : context.fresh("points", signal[1]);
  context.output(0, context.element(0), {signal[0], frames, points, 2});
}

bool keeps_rows(const Stft&, const Infer&, const std::vector<bool>& batched) {
  return batched[0] && std::find(batched.begin() + 1, batched.end(), true) == batched.end();
}

Dim operations(const Stft&, const Infer& context) {
  if (!context.ranked(0)) return 0;
  const std::optional<Dim> length = frame_length(context), step = one_integer(context, 1);
  const Dim& samples = context.dims(0)[1];
  const Dim frames =
      length && step && step->is_constant() ? frames_of(samples, *length, step->value()) : samples;
  const Dim size = length ? *length : samples;
  return fourier_operations(size) * frames * context.dims(0)[0];
}

StftSizes stft_sizes(const Stft& op, const Shape& signal, int64_t step, const Shape* window,
                     const Tensor* frame_length) {
  StftSizes s;
  s.batch = signal[0];
  s.samples = signal[1];
  s.parts = signal[2];
  s.step = step;
  s.length = window ? window->front() : frame_length ? read_integer(*frame_length, 0) : s.samples;
  s.frames = frames_of(s.samples, s.length, s.step).value();
  s.points = points_of(op, s.length).value();
  return s;
}

void reference(const Stft& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor& x = e.input(0);
  const StftSizes s =
      stft_sizes(op, x.shape(), read_integer(e.input(1), 0),
                 e.has(2) ? &e.input(2).shape() : nullptr, e.has(3) ? &e.input(3) : nullptr);
  Tensor& y = e.output(0, x.type(), shape);
  if (y.size() == 0) return;
  const Fourier fourier(s.length);
  std::vector<Fourier::Complex> frame(static_cast<size_t>(s.length));
  for (int64_t i = 0; i < s.batch * s.frames; ++i) {
    const int64_t first = i / s.frames * s.samples + i % s.frames * s.step;
    for (int64_t j = 0; j < s.length; ++j) {
      const double factor = e.has(2) ? read_number(e.input(2), j) : 1;
      const int64_t from = (first + j) * s.parts;
      frame[static_cast<size_t>(j)] = {factor * read_number(x, from),
                                       s.parts == 2 ? factor * read_number(x, from + 1) : 0};
    }
    fourier.transform(frame);
    for (int64_t k = 0; k < s.points; ++k) {
      write_number(y, (i * s.points + k) * 2, frame[static_cast<size_t>(k)].real());
      write_number(y, (i * s.points + k) * 2 + 1, frame[static_cast<size_t>(k)].imag());
    }
    e.checkpoint();
  }
}

}  // namespace drawbar::ops

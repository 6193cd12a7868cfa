#include "ops/dft/op.h"

#include <algorithm>
#include <limits>

#include "ops/dft/fourier.h"
#include "ops/dft/signal_inputs.h"
#include "ops/movement/concrete.h"

namespace drawbar::ops {

DRAWBAR_OP(Dft);

namespace {

/// Whether y has real parts alone.
bool gives_real(const Dft& op) { return op.inverse && op.onesided; }

/// The points of a line of y, for a transform of that length.
Dim points_of(const Dft& op, const Dim& length) {
  return op.onesided && !op.inverse ? floor_div(length, 2) + 1 : length;
}

/// The transform's length by that of x along the axis.
Dim default_length(const Dft& op, const Dim& given) {
  if (!gives_real(op)) {
    if (given.is_constant() && given.value() > 0) check_length(given, "the length of x");
    return given;
  }
  if (given.is_constant() && given.value() < 2) {
    fail(ErrorCode::invalid_model, "x has {} points along the axis, expected at least 2",
         given.value());
  }
  Dim length = Dim(2) * (given - 1);
  check_length(length, "the length of y");
  return length;
}

int64_t checked_axis(int64_t axis, int64_t rank) {
  const int64_t positive = Infer::axis(axis, rank);
  if (positive == rank - 1) {
    fail(ErrorCode::invalid_model, "axis is {}, the dimension of real and imaginary parts", axis);
  }
  return positive;
}

void check_parts(const Dft& op, const Dim& parts) {
  if (!parts.is_constant()) return;
  const int64_t value = parts.value();
  if (op.onesided ? value == (op.inverse ? 2 : 1) : value == 1 || value == 2) return;
  fail(ErrorCode::invalid_model, "the last dimension of x is {}, expected {}", value,
       !op.onesided ? "1 (real) or 2 (complex)"
       : op.inverse ? "2 (complex)"
                    : "1 (real)");
}

}  // namespace

void infer(const Dft& op, Infer& context) {
  context.expect_inputs(1, 3);
  expect_signal(context, 0, "x");
  if (context.has(1)) expect_one_integer(context, 1, "dft_length");
  if (context.has(2)) expect_one_integer(context, 2, "axis");
  const std::optional<Dim> length = one_integer(context, 1);
  if (length) check_length(*length, "dft_length");
  if (!context.ranked(0)) return context.unranked(0, context.element(0));
  Dims dims = context.dims(0);
  if (dims.size() < 2)
    fail(ErrorCode::invalid_model, "x has rank {}, expected at least 2", dims.size());
  check_parts(op, dims.back());
  const Dim whole = std::numeric_limits<int64_t>::max();
  const std::optional<Dim> axis = context.has(2) ? one_integer(context, 2) : Dim(op.axis);
  if (!axis || !axis->is_constant()) {
    // Even where no length changes: with sizes that it must ask for while running, a target makes
    // its kernel for the axis at hand.
    for (size_t i = 0; i + 1 < dims.size(); ++i) dims[i] = context.fresh("dim", whole);
  } else {
    Dim& dim = dims[static_cast<size_t>(checked_axis(axis->value(), context.rank(0)))];
    if (length) {
      dim = points_of(op, *length);
    } else if (context.has(1)) {
      dim = context.fresh("points", Dim(largest_transform));
    } else {
      dim = points_of(op, default_length(op, dim));
    }
  }
  dims.back() = gives_real(op) ? 1 : 2;
  context.output(0, context.element(0), std::move(dims));
}

bool keeps_rows(const Dft& op, const Infer& context, const std::vector<bool>& batched) {
  if (!context.ranked(0) || !batched[0] || (batched.size() > 1 && batched[1]) ||
      (batched.size() > 2 && batched[2]))
    return false;
  const Dim axis = context.has(2) ? one_integer(context, 2).value_or(Dim(0)) : Dim(op.axis);
  return axis.is_constant() && checked_axis(axis.value(), context.rank(0)) != 0;
}

Dim operations(const Dft& op, const Infer& context) {
  if (!context.ranked(0)) return 0;
  const std::optional<Dim> axis = context.has(2) ? one_integer(context, 2) : Dim(op.axis);
  const bool known = axis && axis->is_constant();
  const int64_t at = checked_axis(known ? axis->value() : -2, context.rank(0));
  const Dims& dims = context.dims(0);
  Dim lines = 1;
  for (int64_t i = 0; i + 1 < context.rank(0); ++i) {
    if (i != at) lines = lines * dims[static_cast<size_t>(i)];
  }
  const std::optional<Dim> length = one_integer(context, 1);
  return lines *
         fourier_operations(length ? *length : default_length(op, dims[static_cast<size_t>(at)]));
}

DftSizes dft_sizes(const Dft& op, const Shape& x, const Tensor* length, const Tensor* axis) {
  const auto rank = static_cast<int64_t>(x.size());
  const auto at = static_cast<size_t>(checked_axis(axis ? read_integer(*axis, 0) : op.axis, rank));
  DftSizes sizes;
  for (size_t i = 0; i < at; ++i) sizes.outer *= x[i];
  for (size_t i = at + 1; i + 1 < x.size(); ++i) sizes.inner *= x[i];
  sizes.given = x[at];
  sizes.parts = x.back();
  sizes.length = length ? read_integer(*length, 0) : default_length(op, x[at]).value();
  sizes.points = points_of(op, sizes.length).value();
  return sizes;
}

void reference(const Dft& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor& x = e.input(0);
  const DftSizes s =
      dft_sizes(op, x.shape(), e.has(1) ? &e.input(1) : nullptr, e.has(2) ? &e.input(2) : nullptr);
  Tensor& y = e.output(0, x.type(), shape);
  if (y.size() == 0) return;
  if (s.length == 0) {  // the point 0 of no points
    for (int64_t i = 0; i < y.size(); ++i) write_number(y, i, 0);
    return;
  }
  const Fourier fourier(s.length);
  const int64_t parts = gives_real(op) ? 1 : 2;
  const int64_t read = std::min(s.given, gives_real(op) ? s.length / 2 + 1 : s.length);
  std::vector<Fourier::Complex> line(static_cast<size_t>(s.length));
  for (int64_t i = 0; i < s.outer * s.inner; ++i) {
    const int64_t outer = i / s.inner, inner = i % s.inner;
    std::fill(line.begin(), line.end(), 0);
    for (int64_t j = 0; j < read; ++j) {
      const int64_t from = ((outer * s.given + j) * s.inner + inner) * s.parts;
      line[static_cast<size_t>(j)] = {read_number(x, from),
                                      s.parts == 2 ? read_number(x, from + 1) : 0};
    }
    if (gives_real(op)) {  // what must be real counts as real
      line[0] = line[0].real();
      for (int64_t j = 1; 2 * j <= s.length; ++j) {
        auto& value = line[static_cast<size_t>(j)];
        if (2 * j == s.length) value = value.real();
        line[static_cast<size_t>(s.length - j)] = std::conj(value);
      }
    }
    if (op.inverse) {
      fourier.inverse(line);
    } else {
      fourier.transform(line);
    }
    for (int64_t k = 0; k < s.points; ++k) {
      const int64_t to = ((outer * s.points + k) * s.inner + inner) * parts;
      write_number(y, to, line[static_cast<size_t>(k)].real());
      if (parts == 2) write_number(y, to + 1, line[static_cast<size_t>(k)].imag());
    }
    e.checkpoint();
  }
}

}  // namespace drawbar::ops

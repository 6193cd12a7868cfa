#include "ops/shape/op.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/checked.h"
#include "ops/movement/concrete.h"

namespace drawbar::ops {

DRAWBAR_OP(ShapeOf);
DRAWBAR_OP(SizeOf);
DRAWBAR_OP(NumberRange);
DRAWBAR_OP(EyeLike);

namespace {

/// The dimensions of a rank that [start, end) names.
std::pair<int64_t, int64_t> clamped(const ShapeOf& op, int64_t rank) {
  const auto clamp = [rank](int64_t axis) {
    return std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
  };
  const int64_t first = clamp(op.start);
  return {first, std::max(first, clamp(op.end))};
}

/// How many numbers an integer range has, exactly.
int64_t range_size(int64_t start, int64_t limit, int64_t delta) {
  if (delta == 0) fail(ErrorCode::invalid_model, "delta is 0");
  const auto distance = static_cast<__int128>(limit) - start;
  if (distance == 0 || (distance < 0) != (delta < 0)) return 0;
  const auto step = static_cast<__int128>(delta);
  const __int128 size = (distance + step + (delta < 0 ? 1 : -1)) / step;
  if (size > std::numeric_limits<int64_t>::max())
    fail(ErrorCode::resource_exhausted, "a range has over 2^63 numbers");
  return static_cast<int64_t>(size);
}

int64_t range_size(double start, double limit, double delta) {
  if (delta == 0) fail(ErrorCode::invalid_model, "delta is 0");
  const double size = std::ceil((limit - start) / delta);
  if (!(size > 0)) return 0;  // also where one of them is not a number
  if (size > 0x1p62) fail(ErrorCode::resource_exhausted, "a range has over 2^62 numbers");
  return static_cast<int64_t>(size);
}

int64_t range_size(const Tensor& start, const Tensor& limit, const Tensor& delta) {
  if (is_floating(start.type()))
    return range_size(read_number(start, 0), read_number(limit, 0), read_number(delta, 0));
  return range_size(read_integer(start, 0), read_integer(limit, 0), read_integer(delta, 0));
}

}  // namespace

void infer(const ShapeOf& op, Infer& context) {
  context.expect_inputs(1, 1);
  if (!context.ranked(0)) {
    return context.output(0, ElementType::i64,
                          {context.fresh("rank", std::numeric_limits<int64_t>::max())});
  }
  const auto [first, last] = clamped(op, context.rank(0));
  const Dims& dims = context.dims(0);
  context.output(0, ElementType::i64, {last - first});
  context.output_content(0, {dims.begin() + first, dims.begin() + last});
}

void reference(const ShapeOf& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  const auto [first, last] = clamped(op, x.rank());
  Tensor& y = e.output(0, ElementType::i64, {last - first});
  std::copy(x.shape().begin() + first, x.shape().begin() + last, y.data<int64_t>());
}

void infer(const SizeOf&, Infer& context) {
  context.expect_inputs(1, 1);
  context.output(0, ElementType::i64, {});
  if (context.ranked(0)) context.output_content(0, {context.tensor(0).size()});
}

void reference(const SizeOf&, Evaluation& e) {
  *e.output(0, ElementType::i64, {}).data<int64_t>() = e.input(0).size();
}

void infer(const NumberRange&, Infer& context) {
  context.expect_inputs(3, 3);
  constexpr std::string_view names[] = {"start", "limit", "delta"};
  for (size_t i = 0; i < 3; ++i) {
    if (context.element(i) != context.element(0)) {
      fail(ErrorCode::invalid_model, "{} is {}, but start is {}", names[i],
           name(context.element(i)), name(context.element(0)));
    }
    if (!is_integer(context.element(i)) && !is_floating(context.element(i)))
      fail(ErrorCode::invalid_model, "{} is {}, expected a number", names[i],
           name(context.element(i)));
    const bool one = !context.ranked(i) || context.rank(i) == 0 ||
                     (context.rank(i) == 1 &&
                      !(context.dims(i)[0].is_constant() && context.dims(i)[0].value() != 1));
    if (!one) {
      fail(ErrorCode::invalid_model, "{} has shape [{}], expected one element", names[i],
           to_string(context.dims(i)));
    }
  }
  const ElementType type = context.element(0);
  if (context.constant(0) && context.constant(1) && context.constant(2)) {
    context.output(0, type,
                   {range_size(*context.constant(0), *context.constant(1), *context.constant(2))});
  }
  const auto start = context.content(0), limit = context.content(1), delta = context.content(2);
  const bool known = start && limit && delta && start->size() == 1 && limit->size() == 1 &&
                     delta->size() == 1 && delta->front().is_constant();
  if (!known || delta->front() == Dim(0)) {
    if (context.constant(0) && context.constant(1) && context.constant(2)) return;
    return context.output(0, type, {context.fresh("range", std::numeric_limits<int64_t>::max())});
  }
  const Dim &first = start->front(), &last = limit->front(), &step = delta->front();
  Dim size;
  if (first.is_constant() && last.is_constant()) {
    size = range_size(first.value(), last.value(), step.value());
  } else {
    size = max(
        step.value() > 0 ? ceil_div(last - first, step) : ceil_div(first - last, Dim(0) - step), 0);
  }
  context.output(0, type, {size});
  if (!size.is_constant() || size.value() > 1024) return;
  Dims content;
  for (int64_t i = 0; i < size.value(); ++i) content.push_back(first + Dim(i) * step);
  context.output_content(0, std::move(content));
}

void reference(const NumberRange& op, Evaluation& e) {
  const Tensor &start = e.input(0), &delta = e.input(2);
  Tensor& y = e.output(0, start.type(), concrete_shape(op, e));
  const int64_t size = y.size();
  with_element_type(y.type(), [&](auto zero) {
    using T = decltype(zero);
    T* out = y.data<T>();
    if constexpr (std::is_same_v<T, double> || std::is_same_v<T, float> || std::is_class_v<T>) {
      const double first = read_number(start, 0), step = read_number(delta, 0);
      for (int64_t i = 0; i < size; ++i)
        out[i] = static_cast<T>(static_cast<std::conditional_t<std::is_class_v<T>, float, T>>(
            first + static_cast<double>(i) * step));
    } else {
      const auto first = static_cast<uint64_t>(read_integer(start, 0));
      const auto step = static_cast<uint64_t>(read_integer(delta, 0));
      for (int64_t i = 0; i < size; ++i)
        out[i] = static_cast<T>(first + static_cast<uint64_t>(i) * step);
    }
  });
}

void infer(const EyeLike& op, Infer& context) {
  context.expect_inputs(1, 1);
  context.expect_rank(0, 2, "x");
  if (op.element == ElementType::string || kind(op.element) == ElementKind::complex)
    fail(ErrorCode::invalid_model, "element is {}, expected a number", name(op.element));
  if (context.ranked(0)) {
    context.output(0, op.element, context.dims(0));
  } else {
    context.unranked(0, op.element);
  }
}

void reference(const EyeLike& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  if (x.rank() != 2) fail(ErrorCode::invalid_argument, "x has rank {}, expected 2", x.rank());
  Tensor& y = e.output(0, op.element, x.shape());
  if (y.size() == 0) return;
  std::memset(y.raw(), 0, static_cast<size_t>(y.bytes()));
  const int64_t rows = x.dim(0), columns = x.dim(1);
  if (op.k <= -rows || op.k >= columns) return;
  for (int64_t row = std::max<int64_t>(0, -op.k); row < rows && row + op.k < columns; ++row)
    write_number(y, row * columns + row + op.k, 1);
}

}  // namespace drawbar::ops

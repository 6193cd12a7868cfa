#include <complex>
#include <type_traits>

#include "ops/pointwise/broadcast.h"
#include "ops/pointwise/integer.h"
#include "ops/pointwise/op.h"

namespace drawbar::ops {
namespace {

std::vector<Shape> input_shapes(const Evaluation& e) {
  std::vector<Shape> shapes;
  for (size_t i = 0; i < e.inputs(); ++i) shapes.push_back(e.input(i).shape());
  return shapes;
}

/// Strided element k of operand i on the current line.
struct Line {
  const BroadcastPlan& plan;
  std::span<const int64_t> offsets;
  int64_t operator()(size_t i, int64_t k) const { return offsets[i] + k * plan.strides[i].back(); }
};

/// Calls body(output index, line index function) for every output element.
template <class F>
void for_each_element(Evaluation& e, const BroadcastPlan& plan, F&& body) {
  int64_t lines_until_checkpoint = 1024;
  for_each_line(plan, [&](std::span<const int64_t> offsets, int64_t count) {
    const Line at{plan, offsets};
    const size_t output = plan.strides.size() - 1;
    for (int64_t k = 0; k < count; ++k) body(at(output, k), at, k);
    if (--lines_until_checkpoint == 0) {
      e.checkpoint();
      lines_until_checkpoint = 1024;
    }
  });
}

template <class T>
constexpr bool is_class_number = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;
template <class T>
constexpr bool is_real = std::is_floating_point_v<T> || is_class_number<T>;

template <class T>
double as_double(T value) {
  if constexpr (is_class_number<T>)
    return static_cast<float>(value);
  else
    return static_cast<double>(value);
}

template <class T>
T from_double(double value) {
  if constexpr (is_class_number<T>)
    return T(static_cast<float>(value));
  else
    return static_cast<T>(value);
}

/// floats, numbers and bits: all operands and the result of type T.
template <class T>
void same_type(const Elementwise& op, Evaluation& e, const BroadcastPlan& plan, Tensor& out) {
  const T* x = e.input(0).data<T>();
  const bool two = e.inputs() > 1;
  const T* y = two ? e.input(1).data<T>() : x;
  T* z = out.data<T>();
  for_each_element(e, plan, [&](int64_t to, const Line& at, int64_t k) {
    const T a = x[at(0, k)], b = two ? y[at(1, k)] : a;
    if constexpr (is_real<T>) {
      z[to] = from_double<T>(apply(op.function, as_double(a), as_double(b), 0, op.p, op.q));
    } else {
      z[to] = apply_integer<T>(op.function, a, b, op.p, op.q);
    }
  });
}

/// Small integers (i4 and its like), element by element.
void packed_integers(const Elementwise& op, Evaluation& e, const BroadcastPlan& plan, Tensor& out) {
  const bool two = e.inputs() > 1;
  for_each_element(e, plan, [&](int64_t to, const Line& at, int64_t k) {
    const int64_t a = read_integer(e.input(0), at(0, k));
    const int64_t b = two ? read_integer(e.input(1), at(1, k)) : a;
    write_integer(out, to, apply_integer<int64_t>(op.function, a, b, op.p, op.q));
  });
}

void numbers(const Elementwise& op, Evaluation& e, const BroadcastPlan& plan, Tensor& out) {
  if (out.type() > ElementType::boolean) return packed_integers(op, e, plan, out);
  with_element_type(out.type(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (!std::is_same_v<T, bool>) same_type<T>(op, e, plan, out);
  });
}

/// The exponent may have another type; an integer base with an integer exponent stays exact.
void powers(Evaluation& e, const BroadcastPlan& plan, Tensor& out) {
  const Tensor &x = e.input(0), &y = e.input(1);
  const bool exact = is_integer(x.type()) && is_integer(y.type());
  for_each_element(e, plan, [&](int64_t to, const Line& at, int64_t k) {
    if (exact) {
      write_integer(out, to, integer::pow(read_integer(x, at(0, k)), read_integer(y, at(1, k))));
      return;
    }
    const double power = std::pow(read_number(x, at(0, k)), read_number(y, at(1, k)));
    if (is_integer(out.type())) {
      write_integer(out, to, integer::from_real<int64_t>(power));
    } else {
      write_number(out, to, power);
    }
  });
}

template <class T>
void compare_as(const Elementwise& op, Evaluation& e, const BroadcastPlan& plan, bool* out) {
  const T *x = e.input(0).data<T>(), *y = e.input(1).data<T>();
  for_each_element(e, plan, [&](int64_t to, const Line& at, int64_t k) {
    const T &a = x[at(0, k)], &b = y[at(1, k)];
    if constexpr (is_class_number<T>) {
      out[to] = compare<float>(op.function, a, b);
    } else {
      out[to] = compare<T>(op.function, a, b);
    }
  });
}

template <class T>
void equal_complex(Evaluation& e, const BroadcastPlan& plan, bool* out) {
  const T *x = e.input(0).data<T>(), *y = e.input(1).data<T>();
  for_each_element(e, plan, [&](int64_t to, const Line& at, int64_t k) {
    out[to] = x[at(0, k)] == y[at(1, k)];
  });
}

void comparisons(const Elementwise& op, Evaluation& e, const BroadcastPlan& plan, bool* out) {
  const ElementType type = e.input(0).type();
  switch (type) {
    case ElementType::string:
      return compare_as<std::string>(op, e, plan, out);
    case ElementType::c64:
      return equal_complex<std::complex<float>>(e, plan, out);
    case ElementType::c128:
      return equal_complex<std::complex<double>>(e, plan, out);
    case ElementType::boolean: {
      const auto *x = static_cast<const uint8_t*>(e.input(0).raw()),
                 *y = static_cast<const uint8_t*>(e.input(1).raw());
      for_each_element(e, plan, [&](int64_t to, const Line& at, int64_t k) {
        out[to] = compare<int>(op.function, x[at(0, k)] != 0, y[at(1, k)] != 0);
      });
      return;
    }
    default:
      break;
  }
  if (type < ElementType::boolean) {
    with_element_type(type, [&](auto zero) {
      using T = decltype(zero);
      if constexpr (!std::is_same_v<T, bool>) compare_as<T>(op, e, plan, out);
    });
    return;
  }
  for_each_element(e, plan, [&](int64_t to, const Line& at, int64_t k) {
    out[to] = compare<double>(op.function, read_number(e.input(0), at(0, k)),
                              read_number(e.input(1), at(1, k)));
  });
}

void tests(const Elementwise& op, Evaluation& e, const BroadcastPlan& plan, bool* out) {
  for_each_element(e, plan, [&](int64_t to, const Line& at, int64_t k) {
    out[to] = apply(op.function, read_number(e.input(0), at(0, k)), 0, 0, op.p, op.q) != 0;
  });
}

void logic(const Elementwise& op, Evaluation& e, const BroadcastPlan& plan, bool* out) {
  const auto* x = static_cast<const uint8_t*>(e.input(0).raw());
  const bool two = e.inputs() > 1;
  const auto* y = two ? static_cast<const uint8_t*>(e.input(1).raw()) : x;
  for_each_element(e, plan, [&](int64_t to, const Line& at, int64_t k) {
    out[to] = apply(op.function, x[at(0, k)] != 0, y[at(two, k)] != 0, 0, 0, 0) != 0;
  });
}

template <class T>
void select_as(Evaluation& e, const BroadcastPlan& plan, Tensor& out) {
  const auto* condition = static_cast<const uint8_t*>(e.input(0).raw());
  const auto *x = static_cast<const T*>(e.input(1).raw()),
             *y = static_cast<const T*>(e.input(2).raw());
  auto* z = static_cast<T*>(out.raw());
  for_each_element(e, plan, [&](int64_t to, const Line& at, int64_t k) {
    z[to] = condition[at(0, k)] ? x[at(1, k)] : y[at(2, k)];
  });
}

void select(Evaluation& e, const BroadcastPlan& plan, Tensor& out) {
  if (out.type() == ElementType::string) return select_as<std::string>(e, plan, out);
  switch (bits(out.type())) {
    case 8:
      return select_as<uint8_t>(e, plan, out);
    case 16:
      return select_as<uint16_t>(e, plan, out);
    case 32:
      return select_as<uint32_t>(e, plan, out);
    case 64:
      return select_as<uint64_t>(e, plan, out);
    case 128:
      return select_as<std::complex<double>>(e, plan, out);
    default:
      break;
  }
  const auto* condition = static_cast<const uint8_t*>(e.input(0).raw());
  for_each_element(e, plan, [&](int64_t to, const Line& at, int64_t k) {
    const size_t from = condition[at(0, k)] ? 1 : 2;
    write_number(out, to, read_number(e.input(from), at(from, k)));
  });
}

}  // namespace

void reference(const Elementwise& op, Evaluation& e) {
  const std::vector<Shape> shapes = input_shapes(e);
  const Shape shape = broadcast_shape(shapes);
  if (op.function == Function::PRelu && shape != shapes[0]) {
    fail(ErrorCode::invalid_argument, "slope {} does not spread over x {}", to_string(shapes[1]),
         to_string(shapes[0]));
  }
  const BroadcastPlan plan = plan_broadcast(shapes, shape);
  const FunctionTypes types = info(op.function).types;
  switch (types) {
    case FunctionTypes::floats:
    case FunctionTypes::numbers:
    case FunctionTypes::bits:
      return numbers(op, e, plan, e.output(0, e.input(0).type(), shape));
    case FunctionTypes::powers:
      return powers(e, plan, e.output(0, e.input(0).type(), shape));
    case FunctionTypes::selection:
      return select(e, plan, e.output(0, e.input(1).type(), shape));
    case FunctionTypes::comparisons:
      return comparisons(op, e, plan, e.output(0, ElementType::boolean, shape).data<bool>());
    case FunctionTypes::tests:
      return tests(op, e, plan, e.output(0, ElementType::boolean, shape).data<bool>());
    case FunctionTypes::logic:
      return logic(op, e, plan, e.output(0, ElementType::boolean, shape).data<bool>());
  }
}

void reference(const Pointwise& op, Evaluation& e) {
  const std::vector<Shape> shapes = input_shapes(e);
  const Shape shape = broadcast_shape(shapes);
  const BroadcastPlan plan = plan_broadcast(shapes, shape);
  ElementType type = ElementType::f32;
  for (size_t i = 0; i < e.inputs(); ++i) {
    if (e.input(i).type() != ElementType::boolean) type = e.input(i).type();
  }
  Tensor& out = e.output(0, type, shape);
  std::vector<double> values(static_cast<size_t>(op.program.values()));
  for_each_element(e, plan, [&](int64_t to, const Line& at, int64_t k) {
    size_t defined = 0;
    for (; defined < shapes.size(); ++defined) {
      const Tensor& x = e.input(defined);
      const int64_t from = at(defined, k);
      values[defined] = x.type() == ElementType::boolean
                            ? static_cast<const uint8_t*>(x.raw())[from] != 0
                            : read_number(x, from);
    }
    for (const Instruction& i : op.program.instructions) {
      const double result = apply(i.function, values[i.operands[0]], values[i.operands[1]],
                                  values[i.operands[2]], i.p, i.q);
      values[defined++] = static_cast<float>(result);
    }
    write_number(out, to, static_cast<float>(values[defined - 1]));
  });
}

}  // namespace drawbar::ops

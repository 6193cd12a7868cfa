#include "ops/pool/op.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/pool/taps.h"
#include "ops/window/rounded.h"

namespace drawbar::ops {
namespace {

constexpr std::string_view names[] = {"MaxPool", "AveragePool", "LpPool"};
constexpr std::string_view global_names[] = {"GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"};

[[maybe_unused]] const bool registered = [] {
  for (std::string_view name : names) register_op<Pool>(name);
  for (std::string_view name : global_names) register_op<GlobalPool>(name);
  return true;
}();

template <size_t n>
PoolKind kind_named(const std::string_view (&list)[n], std::string_view name) {
  for (size_t i = 0; i < n; ++i) {
    if (list[i] == name) return static_cast<PoolKind>(i);
  }
  fail(ErrorCode::internal, "{} is no pooling", name);
}

/// Combines the inputs of one window.
class Accumulator {
 public:
  Accumulator(PoolKind kind, int64_t p) : kind_(kind), p_(static_cast<double>(p)) {}

  void add(double x, int64_t index) {
    if (kind_ == PoolKind::maximum) {
      if (x > value_ || index_ < 0) {
        value_ = x;
        index_ = index;
      }
    } else if (kind_ == PoolKind::average) {
      value_ += x;
    } else {
      value_ += std::pow(std::abs(x), p_);
    }
  }
  double result(int64_t count) const {
    if (kind_ == PoolKind::average) return value_ / static_cast<double>(count);
    return kind_ == PoolKind::lp ? std::pow(value_, 1 / p_) : value_;
  }
  int64_t index() const { return std::max<int64_t>(index_, 0); }

 private:
  PoolKind kind_;
  double p_;
  double value_ = 0;
  int64_t index_ = -1;
};

template <class T>
void pool(const Pool& op, const Window3& w, Evaluation& e, Tensor& y, int64_t* indices) {
  const T* x = e.input(0).data<T>();
  T* ys = y.data<T>();
  const int64_t planes = w.outputs() == 0 ? 0 : y.size() / w.outputs();
  e.pool().parallel_for(planes, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t plane = begin; plane < end; ++plane) {
      e.checkpoint();
      for (int64_t position = 0; position < w.outputs(); ++position) {
        const PoolTaps taps = taps_at(w, position, op.count_include_pad);
        Accumulator result(op.kind, op.p);
        taps.for_each(w, [&](int64_t i, int64_t j, int64_t k) {
          const int64_t row_major = (i * w.input[1] + j) * w.input[2] + k;
          const int64_t column_major = (k * w.input[1] + j) * w.input[0] + i;
          result.add(static_cast<double>(x[plane * w.inputs() + row_major]),
                     plane * w.inputs() + (op.column_major ? column_major : row_major));
        });
        ys[plane * w.outputs() + position] = rounded<T>(result.result(taps.count));
        if (indices) indices[plane * w.outputs() + position] = result.index();
      }
    }
  });
}

template <class T>
void run(const Pool& op, const Window3& w, Evaluation& e, const Shape& shape) {
  Tensor& y = e.output(0, element_type_of<T>::value, shape);
  int64_t* indices = nullptr;
  if (e.outputs() > 1) indices = e.output(1, ElementType::i64, shape).template data<int64_t>();
  pool<T>(op, w, e, y, indices);
}

void run(const Pool& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  const Window3 w(window_of(op, op.kernel), x.shape());
  Shape shape = {x.dim(0), x.dim(1)};
  for (int64_t i = 2; i < x.rank(); ++i) shape.push_back(w.output[i + 3 - x.rank()]);
  switch (x.type()) {
    case ElementType::f32:
      return run<float>(op, w, e, shape);
    case ElementType::f64:
      return run<double>(op, w, e, shape);
    case ElementType::f16:
      return run<Float16>(op, w, e, shape);
    case ElementType::bf16:
      return run<BFloat16>(op, w, e, shape);
    case ElementType::i8:
      return run<int8_t>(op, w, e, shape);
    case ElementType::u8:
      return run<uint8_t>(op, w, e, shape);
    default:
      fail(ErrorCode::unsupported, "pooling of {}", name(x.type()));
  }
}

void check_element(ElementType element, bool bytes) {
  const bool byte = element == ElementType::i8 || element == ElementType::u8;
  if (!is_floating(element) && !(bytes && byte)) {
    fail(ErrorCode::invalid_model, "x is {}, expected a float type{}", name(element),
         bytes ? ", i8 or u8" : "");
  }
}

void check_p(PoolKind kind, int64_t p) {
  if (kind == PoolKind::lp && p < 1) {
    fail(ErrorCode::invalid_model, "p is {}, expected at least 1", p);
  }
}

}  // namespace

std::string_view Pool::op_name() const { return names[static_cast<size_t>(kind)]; }
Pool Pool::named(std::string_view name) { return {.kind = kind_named(names, name)}; }
std::string_view GlobalPool::op_name() const { return global_names[static_cast<size_t>(kind)]; }
GlobalPool GlobalPool::named(std::string_view name) {
  return {.kind = kind_named(global_names, name)};
}

Window pool_window(const Pool& op) {
  Window window = window_of(op, op.kernel);
  for (size_t i = 0; i < window.rank() && window.auto_pad == AutoPad::pads; ++i) {
    const int64_t pad = std::max(window.pads_begin[i], window.pads_end[i]);
    if (pad >= window.extent(i) && !op.count_include_pad) {
      fail(ErrorCode::invalid_model,
           "pads of dimension {} are {}, expected less than the window {}", i, pad,
           window.extent(i));
    }
  }
  return window;
}

void infer(const Pool& op, Infer& context) {
  context.expect_inputs(1, 1);
  check_element(context.element(0), op.kind == PoolKind::maximum);
  check_p(op.kind, op.p);
  const Window window = pool_window(op);
  if (!context.ranked(0)) {
    context.unranked(0, context.element(0));
    return context.unranked(1, ElementType::i64);
  }
  const Dims y = window_positions(window, context.dims(0));
  context.output(0, context.element(0), y);
  context.output(1, ElementType::i64, y);
}

bool keeps_rows(const Pool&, const Infer& context, const std::vector<bool>& batched) {
  return batched[0] && context.outputs() == 1;  // indices count through the whole batch
}

void reference(const Pool& op, Evaluation& e) { run(op, e); }

Dim operations(const Pool& op, const Infer& context) {
  if (!context.ranked(0)) return Dim(0);
  Dim product(1);
  for (const Dim& dim : window_positions(window_of(op, op.kernel), context.dims(0))) {
    product = product * dim;
  }
  for (int64_t k : op.kernel) product = product * k;
  return product;
}

void infer(const GlobalPool& op, Infer& context) {
  context.expect_inputs(1, 1);
  check_element(context.element(0), false);
  check_p(op.kind, op.p);
  if (!context.ranked(0)) return context.unranked(0, context.element(0));
  if (context.rank(0) < 2) {
    fail(ErrorCode::invalid_model, "x has rank {}, expected at least 2", context.rank(0));
  }
  Dims y(context.dims(0).size(), Dim(1));
  std::copy_n(context.dims(0).begin(), 2, y.begin());
  context.output(0, context.element(0), y);
}

bool keeps_rows(const GlobalPool&, const Infer&, const std::vector<bool>& batched) {
  return batched[0];
}

void reference(const GlobalPool& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  Shape shape(x.shape().size(), 1);
  std::copy_n(x.shape().begin(), 2, shape.begin());
  Tensor& y = e.output(0, x.type(), shape);
  const int64_t length = y.size() == 0 ? 0 : x.size() / y.size();
  with_element_type(x.type(), [&](auto type) {
    using T = decltype(type);
    const T* xs = x.data<T>();
    for (int64_t plane = 0; plane < y.size(); ++plane) {
      e.checkpoint();
      Accumulator result(op.kind, op.p);
      for (int64_t i = 0; i < length; ++i) {
        result.add(static_cast<double>(xs[plane * length + i]), i);
      }
      y.data<T>()[plane] = rounded<T>(result.result(length));
    }
  });
}

Dim operations(const GlobalPool&, const Infer& context) { return context.tensor(0).size(); }

}  // namespace drawbar::ops

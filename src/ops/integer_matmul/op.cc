#include "ops/integer_matmul/op.h"

#include <algorithm>
#include <cmath>

#include "ops/matmul/op.h"
#include "ops/quantize/operands.h"

namespace drawbar::ops {

DRAWBAR_OP(MatMulInteger);
DRAWBAR_OP(QLinearMatMul);

namespace {

/// The shape of the product of inputs a and b, or nothing when a rank is unknown.
std::optional<Dims> product_dims(const Infer& context, size_t a_input, size_t b_input) {
  if (!context.ranked(a_input) || !context.ranked(b_input)) return std::nullopt;
  const Dims &a = context.dims(a_input), &b = context.dims(b_input);
  if (a.size() < 2 || b.size() < 2) {
    fail(ErrorCode::invalid_model, "a has rank {} and b {}, expected at least 2", a.size(),
         b.size());
  }
  Infer::same(a.back(), b[b.size() - 2], "columns of a and rows of b");
  Dims result = broadcast(Dims(a.begin(), a.end() - 2), Dims(b.begin(), b.end() - 2));
  result.push_back(a[a.size() - 2]);
  result.push_back(b.back());
  return result;
}

/// A scalar, a vector of `count`, or as many dimensions as the product, of which only `axis` from
/// the back may be more than 1 among the last two.
void check_parameter(const Infer& context, size_t i, const Dims& product, size_t axis,
                     std::string_view what) {
  if (!context.has(i) || !context.ranked(i)) return;
  const Dims& dims = context.dims(i);
  const Dim& count = product[product.size() - axis];
  if (dims.empty()) return;
  bool fits = dims.size() <= product.size();
  if (dims.size() == 1) {
    fits = !dims[0].is_constant() || dims[0] == Dim(1) || !count.is_constant() || dims[0] == count;
  }
  for (size_t k = 1; fits && dims.size() > 1 && k <= dims.size(); ++k) {
    const Dim& own = dims[dims.size() - k];
    const Dim& whole = product[product.size() - k];
    const bool may_vary = k == axis || k > 2;
    if (own.is_constant() && own != Dim(1)) {
      fits = may_vary && (!whole.is_constant() || own == whole);
    }
  }
  if (!fits) {
    fail(ErrorCode::invalid_model, "{} has shape [{}], expected a scalar or {} along axis {}", what,
         to_string(dims), count.str(), -static_cast<int64_t>(axis));
  }
}

constexpr size_t rows = 2, columns = 1;  // axes from the back

/// Reads a parameter for an element of the product.
class Parameter {
 public:
  /// Absent ones are `otherwise`.
  Parameter(Evaluation& e, size_t i, size_t axis, const Shape& product, double otherwise)
      : product_(product), steps_(product.size()) {
    if (!e.has(i)) {
      values_ = {otherwise};
      return;
    }
    const Tensor& tensor = e.input(i);
    for (int64_t k = 0; k < tensor.size(); ++k) values_.push_back(read_number(tensor, k));
    int64_t step = 1;
    if (tensor.rank() == 1) {
      steps_[product.size() - axis] = tensor.dim(0) == 1 ? 0 : 1;
      return;
    }
    for (size_t k = 1; k <= tensor.shape().size(); ++k) {
      const int64_t size = tensor.shape()[tensor.shape().size() - k];
      steps_[product.size() - k] = size == 1 ? 0 : step;
      step *= size;
    }
  }

  double at(int64_t index) const {
    int64_t place = 0;
    for (size_t axis = product_.size(); axis-- > 0;) {
      place += index % product_[axis] * steps_[axis];
      index /= product_[axis];
    }
    return values_[static_cast<size_t>(place)];
  }

 private:
  const Shape& product_;
  Shape steps_;
  std::vector<double> values_;
};

/// Calls store(index, sum) for every element of the product; `y_shape` is its shape.
template <class Store>
void multiply(Evaluation& e, size_t a_input, size_t a_zero_input, size_t b_input,
              size_t b_zero_input, const Shape& y_shape, const Store& store) {
  const Tensor &a = e.input(a_input), &b = e.input(b_input);
  const MatMulSizes sizes = matmul_sizes(MatMul{}, a.shape(), b.shape());
  const Parameter a_zero(e, a_zero_input, rows, y_shape, 0);
  const Parameter b_zero(e, b_zero_input, columns, y_shape, 0);
  const int64_t m = sizes.m, n = sizes.n, k = sizes.k;
  const auto run = [&](const auto* as, const auto* bs) {
    e.pool().parallel_for(sizes.batch_count * m, 1, [&](int64_t begin, int64_t end, int) {
      std::vector<int64_t> sums(static_cast<size_t>(n)), zeros(static_cast<size_t>(n));
      for (int64_t row = begin; row < end; ++row) {
        const int64_t item = row / m;
        const auto* from = as + (sizes.a_index(item) * m + row % m) * k;
        const auto* matrix = bs + sizes.b_index(item) * k * n;
        for (int64_t j = 0; j < n; ++j) {
          sums[static_cast<size_t>(j)] = 0;
          zeros[static_cast<size_t>(j)] = static_cast<int64_t>(b_zero.at(row * n + j));
        }
        const auto a_shift = n > 0 ? static_cast<int64_t>(a_zero.at(row * n)) : 0;
        for (int64_t i = 0; i < k; ++i) {
          const int64_t factor = from[i] - a_shift;
          for (int64_t j = 0; j < n; ++j) {
            const auto at = static_cast<size_t>(j);
            sums[at] += factor * (matrix[i * n + j] - zeros[at]);
          }
        }
        for (int64_t j = 0; j < n; ++j) store(row * n + j, sums[static_cast<size_t>(j)]);
      }
    });
  };
  const auto with_b = [&](const auto* as) {
    if (b.type() == ElementType::u8) return run(as, b.data<uint8_t>());
    return run(as, b.data<int8_t>());
  };
  if (a.type() == ElementType::u8) return with_b(a.data<uint8_t>());
  return with_b(a.data<int8_t>());
}

Shape product_shape(const Tensor& a, const Tensor& b) {
  const MatMulSizes sizes = matmul_sizes(MatMul{}, a.shape(), b.shape());
  Shape shape = sizes.batch;
  shape.push_back(sizes.m);
  shape.push_back(sizes.n);
  return shape;
}

Dim multiply_adds(const Infer& context, size_t a, size_t b) {
  const std::optional<Dims> y = product_dims(context, a, b);
  if (!y) return Dim(0);
  Dim product = Dim(2) * context.dims(a).back();
  for (const Dim& dim : *y) product = product * dim;
  return product;
}

}  // namespace

void infer(const MatMulInteger&, Infer& context) {
  context.expect_inputs(2, 4);
  check_byte(context, 0, "a");
  check_byte(context, 1, "b");
  check_type(context, 2, context.element(0), "a_zero_point");
  check_type(context, 3, context.element(1), "b_zero_point");
  const std::optional<Dims> y = product_dims(context, 0, 1);
  if (!y) return context.unranked(0, ElementType::i32);
  check_parameter(context, 2, *y, rows, "a_zero_point");
  check_parameter(context, 3, *y, columns, "b_zero_point");
  context.output(0, ElementType::i32, *y);
}

void reference(const MatMulInteger&, Evaluation& e) {
  const Shape shape = product_shape(e.input(0), e.input(1));
  Tensor& y = e.output(0, ElementType::i32, shape);
  multiply(e, 0, 2, 1, 3, shape, [&](int64_t index, int64_t sum) {
    y.data<int32_t>()[index] = static_cast<int32_t>(sum);
  });
}

Dim operations(const MatMulInteger&, const Infer& context) { return multiply_adds(context, 0, 1); }

void infer(const QLinearMatMul&, Infer& context) {
  context.expect_inputs(6, 9);
  const bool to_f32 = !context.has(6) && !context.has(7);
  check_byte(context, 0, "a");
  check_byte(context, 3, "b");
  if (!to_f32) check_byte(context, 7, "y_zero_point");
  check_type(context, 2, context.element(0), "a_zero_point");
  check_type(context, 5, context.element(3), "b_zero_point");
  for (size_t i : {1, 4, 6}) {
    if (i == 6 && to_f32) continue;
    if (!is_floating(context.element(i)) || bits(context.element(i)) < 16) {
      fail(ErrorCode::invalid_model, "a scale is {}, expected a float type",
           name(context.element(i)));
    }
  }
  check_bias(context, 8, to_f32, "c");
  const ElementType element = to_f32 ? ElementType::f32 : context.element(7);
  const std::optional<Dims> y = product_dims(context, 0, 3);
  if (!y) return context.unranked(0, element);
  if (context.has(8) && context.ranked(8)) {
    context.expect_rank(8, 1, "c");
    Infer::same(context.dims(8)[0], y->back(), "c's size and b's columns");
  }
  for (size_t i : {1, 2, 6, 7}) check_parameter(context, i, *y, rows, "a's or y's parameter");
  for (size_t i : {4, 5}) check_parameter(context, i, *y, columns, "b's parameter");
  context.output(0, element, *y);
}

void reference(const QLinearMatMul&, Evaluation& e) {
  const Shape shape = product_shape(e.input(0), e.input(3));
  const bool to_f32 = !e.has(7);
  const ElementType element = to_f32 ? ElementType::f32 : e.input(7).type();
  const Parameter a_scale(e, 1, rows, shape, 1), b_scale(e, 4, columns, shape, 1);
  const Parameter y_scale(e, 6, rows, shape, 1), y_zero(e, 7, rows, shape, 0);
  Tensor& y = e.output(0, element, shape);
  const LinearBias c(e, 8);
  multiply(e, 0, 2, 3, 5, shape, [&](int64_t index, int64_t sum) {
    const int64_t column = index % shape.back();
    sum += c.steps(column);
    const float scale = static_cast<float>(a_scale.at(index)) *
                        static_cast<float>(b_scale.at(index)) /
                        static_cast<float>(y_scale.at(index));
    if (to_f32) {
      y.data<float>()[index] = static_cast<float>(sum) * scale + c.addend(column);
      return;
    }
    const float value =
        std::nearbyint(static_cast<float>(sum) * scale) + static_cast<float>(y_zero.at(index));
    write_integer(y, index, saturated(value, element));
  });
}

Dim operations(const QLinearMatMul&, const Infer& context) { return multiply_adds(context, 0, 3); }

bool keeps_rows(const QLinearMatMul&, const Infer& context, const std::vector<bool>& batched) {
  for (size_t i : {1, 2, 6, 7}) {  // a row's own
    if (context.has(i) && context.tensor(i).size() != Dim(1)) return false;
  }
  return batched[0] && context.rank(3) == 2 &&
         std::find(batched.begin() + 1, batched.end(), true) == batched.end();
}

}  // namespace drawbar::ops

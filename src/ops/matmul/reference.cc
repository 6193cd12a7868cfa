#include <vector>

#include "base/half_tensor.h"
#include "ops/matmul/op.h"

namespace drawbar::ops {
namespace {

/// Reads a tensor as if it had the result's shape.
class Broadcast {
 public:
  Broadcast(const Tensor& tensor, const Shape& result) : shape_(result), steps_(result.size()) {
    int64_t step = 1;
    for (int64_t i = 0; i < tensor.rank(); ++i) {
      const int64_t size = tensor.dim(tensor.rank() - 1 - i);
      if (size != 1) steps_[result.size() - 1 - static_cast<size_t>(i)] = step;
      step *= size;
    }
  }
  int64_t index(int64_t i) const {
    int64_t result = 0;
    for (size_t axis = shape_.size(); axis-- > 0;) {
      result += i % shape_[axis] * steps_[axis];
      i /= shape_[axis];
    }
    return result;
  }

 private:
  Shape shape_, steps_;
};

/// Integers wrap around, floats are summed in double precision and rounded once.
template <class T>
using Sum =
    std::conditional_t<std::is_integral_v<T>,
                       std::make_unsigned_t<std::conditional_t<std::is_integral_v<T>, T, int>>,
                       double>;

/// One row of the result before bias: sum over k of a(row, k) · b(k, ·).
template <class T>
void multiply_row(const T* a, int64_t a_step, const T* b, int64_t b_row, int64_t b_column,
                  int64_t k, std::vector<Sum<T>>& sums) {
  std::fill(sums.begin(), sums.end(), Sum<T>{});
  for (int64_t i = 0; i < k; ++i) {
    const auto factor = static_cast<Sum<T>>(a[i * a_step]);
    const T* row = b + i * b_row;
    for (size_t j = 0; j < sums.size(); ++j) {
      sums[j] += factor * static_cast<Sum<T>>(row[static_cast<int64_t>(j) * b_column]);
    }
  }
}

template <class T>
T narrow(double value) {
  if constexpr (std::is_same_v<T, double>) return value;
  if constexpr (std::is_integral_v<T>) return static_cast<T>(value);
  return static_cast<T>(static_cast<float>(value));
}

template <class T>
void run(const MatMul& op, const MatMulSizes& sizes, const Tensor& a, const Tensor& b,
         const Tensor* bias, Tensor& y, Evaluation& e) {
  const int64_t m = sizes.m, n = sizes.n, k = sizes.k;
  const T* a_data = a.data<T>();
  const T* b_data = b.data<T>();
  const T* bias_data = bias ? bias->data<T>() : nullptr;
  T* out = y.data<T>();
  const Broadcast bias_at(bias ? *bias : y, y.shape());
  const auto rows = [&](int64_t begin, int64_t end, int) {
    std::vector<Sum<T>> sums(static_cast<size_t>(n));
    for (int64_t row = begin; row < end; ++row) {
      const int64_t item = row / m, i = row % m;
      multiply_row(a_data + sizes.a_index(item) * m * k + i * (op.transpose_a ? 1 : k),
                   op.transpose_a ? m : 1, b_data + sizes.b_index(item) * k * n,
                   op.transpose_b ? 1 : n, op.transpose_b ? k : 1, k, sums);
      for (int64_t j = 0; j < n; ++j) {
        const int64_t at = row * n + j;
        auto sum = sums[static_cast<size_t>(j)];
        if constexpr (std::is_integral_v<T>) {
          if (op.alpha != 1) {
            sum = static_cast<Sum<T>>(narrow<T>(static_cast<double>(op.alpha) *
                                                static_cast<double>(static_cast<T>(sum))));
          }
        } else {
          sum *= static_cast<double>(op.alpha);
        }
        if (bias_data) sum += static_cast<Sum<T>>(bias_data[bias_at.index(at)]);
        if constexpr (std::is_integral_v<T>) {
          out[at] = static_cast<T>(sum);
        } else {
          out[at] = narrow<T>(sum);
        }
      }
    }
  };
  const int64_t work = std::max<int64_t>(n * k, 1);
  e.pool().parallel_for(sizes.batch_count * m, std::max<int64_t>(1, (1 << 16) / work), rows);
}

Tensor wide(const Tensor& tensor) {
  if (is_half(tensor.type())) return to_f32(tensor);
  if (tensor.type() != ElementType::f8e4m3fn) return tensor;
  Tensor result = Tensor::allocate(ElementType::f32, tensor.shape());
  for (int64_t i = 0; i < tensor.size(); ++i)
    result.data<float>()[i] = static_cast<float>(read_number(tensor, i));
  return result;
}

/// What the operands behind a and b are, else f32.
ElementType type_behind(const MatMul& op, Evaluation& e) {
  for (size_t i = matmul_bias_input;
       i < matmul_first_post_input + static_cast<size_t>(op.post.inputs - 1); ++i) {
    if (e.has(i)) return e.input(i).type();
  }
  return ElementType::f32;
}

/// Of an f32 result.
void apply_post(const MatMul& op, Evaluation& e, Tensor& y) {
  std::vector<Broadcast> places;
  std::vector<Tensor> operands;
  for (int i = 1; i < op.post.inputs; ++i) {
    operands.push_back(wide(e.input(matmul_first_post_input + static_cast<size_t>(i) - 1)));
    places.emplace_back(operands.back(), y.shape());
  }
  std::vector<float> values(static_cast<size_t>(op.post.inputs));
  float* out = y.data<float>();
  for (int64_t i = 0; i < y.size(); ++i) {
    values[0] = out[i];
    for (size_t k = 0; k < operands.size(); ++k)
      values[k + 1] = operands[k].data<float>()[places[k].index(i)];
    out[i] = op.post.evaluate(std::span<const float>(values));
  }
}

}  // namespace

void reference(const MatMul& op, Evaluation& e) {
  Tensor a = e.input(0), b = e.input(1);
  if (b.type() != a.type()) b = to_f32(b);
  const bool of_f8 = a.type() == ElementType::f8e4m3fn;
  const ElementType type = of_f8 ? type_behind(op, e) : a.type();
  // Halves with a program are rounded once, behind it.
  const bool widened = of_f8 || (is_half(type) && !op.post.empty());
  Tensor bias = e.has(matmul_bias_input) ? e.input(matmul_bias_input) : Tensor();
  if (widened) {
    a = wide(a);
    b = wide(b);
    if (bias.has_value()) bias = wide(bias);
  }
  const bool row = a.rank() == 1, column = b.rank() == 1;
  if (row) a = a.reshaped({1, a.dim(0)});
  if (column) b = b.reshaped({b.dim(0), 1});
  const MatMulSizes sizes = matmul_sizes(op, a.shape(), b.shape());
  Shape shape = sizes.batch;
  if (!row) shape.push_back(sizes.m);
  if (!column) shape.push_back(sizes.n);
  Tensor& y = e.output(0, type, shape);
  Tensor sums = widened ? Tensor::allocate(ElementType::f32, shape) : y;
  with_element_type(a.type(), [&](auto element) {
    using T = decltype(element);
    if constexpr (!std::is_same_v<T, bool>)
      run<T>(op, sizes, a, b, bias.has_value() ? &bias : nullptr, sums, e);
  });
  if (!op.post.empty()) apply_post(op, e, sums);
  for (int64_t i = 0; widened && i < y.size(); ++i) write_number(y, i, sums.data<float>()[i]);
}

}  // namespace drawbar::ops

#include "ops/matmul_nbits/op.h"

#include <algorithm>
#include <bit>

#include "base/checked.h"

namespace drawbar::ops {

DRAWBAR_OP(MatMulNBits);

namespace {

constexpr std::string_view names[] = {"a", "b", "scales", "zero_points", "bias"};

void expect_shape(const Infer& context, size_t i, const Dims& expected) {
  if (!context.has(i) || !context.ranked(i)) return;
  const Dims& found = context.dims(i);
  bool same = found.size() == expected.size();
  for (size_t k = 0; same && k < found.size(); ++k) {
    same = !found[k].is_constant() || found[k] == expected[k];
  }
  if (!same) {
    fail(ErrorCode::invalid_model, "{} has shape [{}], expected [{}]", names[i], to_string(found),
         to_string(expected));
  }
}

void expect_type(const Infer& context, size_t i, ElementType expected) {
  if (context.has(i) && context.element(i) != expected) {
    fail(ErrorCode::invalid_model, "{} is {}, expected {}", names[i], name(context.element(i)),
         name(expected));
  }
}

}  // namespace

void check(const MatMulNBits& op) {
  if (op.k < 1 || op.n < 1) {
    fail(ErrorCode::invalid_model, "K is {} and N {}, expected at least 1", op.k, op.n);
  }
  if (op.bits != 2 && op.bits != 4 && op.bits != 8) {
    fail(ErrorCode::invalid_model, "bits is {}, expected 2, 4 or 8", op.bits);
  }
  if (op.block_size < 16 || !std::has_single_bit(static_cast<uint64_t>(op.block_size))) {
    fail(ErrorCode::invalid_model, "block_size is {}, expected a power of two of at least 16",
         op.block_size);
  }
  // What kernels compute with: the weights as f32, all blocks whole.
  checked_mul(checked_mul(checked_add(op.n, 64), checked_add(op.k, op.block_size)), 8);
}

void infer(const MatMulNBits& op, Infer& context) {
  context.expect_inputs(3, 5);
  check(op);
  const ElementType element = context.element(MatMulNBits::a);
  if (!is_floating(element) || bits(element) < 16 || bits(element) > 32) {
    fail(ErrorCode::invalid_model, "a is {}, expected f32, f16 or bf16", name(element));
  }
  expect_type(context, MatMulNBits::b, ElementType::u8);
  expect_type(context, MatMulNBits::scales, element);
  expect_type(context, MatMulNBits::bias, element);
  expect_shape(context, MatMulNBits::b, {op.n, op.blocks(), op.block_bytes()});
  expect_shape(context, MatMulNBits::scales, {op.n, op.blocks()});
  expect_shape(context, MatMulNBits::bias, {op.n});
  if (context.has(MatMulNBits::zero_points)) {
    const bool packed = context.element(MatMulNBits::zero_points) == ElementType::u8;
    if (!packed) expect_type(context, MatMulNBits::zero_points, element);
    expect_shape(context, MatMulNBits::zero_points, {op.n, packed ? op.zero_bytes() : op.blocks()});
  }
  if (!context.ranked(MatMulNBits::a)) return context.unranked(0, element);
  Dims y = context.dims(MatMulNBits::a);
  if (y.empty()) fail(ErrorCode::invalid_model, "a is a scalar, expected at least one dimension");
  if (y.back().is_constant() && y.back() != Dim(op.k)) {
    fail(ErrorCode::invalid_model, "a has {} columns, expected {}", y.back().value(), op.k);
  }
  y.back() = op.n;
  context.output(0, element, std::move(y));
}

bool keeps_rows(const MatMulNBits&, const Infer& context, const std::vector<bool>& batched) {
  return context.rank(MatMulNBits::a) > 1 && batched[MatMulNBits::a] &&
         std::count(batched.begin(), batched.end(), true) == 1;
}

Dim operations(const MatMulNBits& op, const Infer& context) {
  if (!context.ranked(MatMulNBits::a)) return Dim(0);
  Dim rows = 1;
  const Dims& a = context.dims(MatMulNBits::a);
  for (size_t i = 0; i + 1 < a.size(); ++i) rows = rows * a[i];
  return Dim(2) * rows * Dim(op.k) * Dim(op.n);
}

void reference(const MatMulNBits& op, Evaluation& e) {
  const Tensor& a = e.input(MatMulNBits::a);
  const Tensor& scales = e.input(MatMulNBits::scales);
  const Tensor* zeros =
      e.has(MatMulNBits::zero_points) ? &e.input(MatMulNBits::zero_points) : nullptr;
  const Tensor* bias = e.has(MatMulNBits::bias) ? &e.input(MatMulNBits::bias) : nullptr;
  if (a.rank() == 0 || a.shape().back() != op.k) {
    fail(ErrorCode::invalid_argument, "a is {}, expected {} columns", to_string(a.shape()), op.k);
  }
  Shape shape = a.shape();
  shape.back() = op.n;
  Tensor& y = e.output(0, a.type(), std::move(shape));
  const int64_t rows = a.size() / op.k, blocks = op.blocks();
  const auto* q = e.input(MatMulNBits::b).data<uint8_t>();
  const auto zero_point = [&](int64_t n, int64_t block) -> double {
    if (!zeros) return 1 << (op.bits - 1);
    if (zeros->type() != ElementType::u8) return read_number(*zeros, n * blocks + block);
    return packed_element(zeros->data<uint8_t>() + n * op.zero_bytes(), block, op.bits);
  };
  const auto columns = [&](int64_t begin, int64_t end, int) {
    std::vector<double> weights(static_cast<size_t>(op.k));
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t k = 0; k < op.k; ++k) {
        const int64_t block = k / op.block_size;
        const uint8_t* line = q + (n * blocks + block) * op.block_bytes();
        const double value = packed_element(line, k % op.block_size, op.bits);
        weights[static_cast<size_t>(k)] =
            (value - zero_point(n, block)) * read_number(scales, n * blocks + block);
      }
      for (int64_t row = 0; row < rows; ++row) {
        double sum = bias ? read_number(*bias, n) : 0;
        for (int64_t k = 0; k < op.k; ++k) {
          sum += read_number(a, row * op.k + k) * weights[static_cast<size_t>(k)];
        }
        write_number(y, row * op.n + n, sum);
      }
    }
  };
  e.pool().parallel_for(op.n, std::max<int64_t>(1, (1 << 14) / op.k), columns);
}

}  // namespace drawbar::ops

#include "ops/matmul/op.h"

#include "base/checked.h"

namespace drawbar::ops {

DRAWBAR_OP(MatMul);

namespace {

bool is_f8(ElementType type) { return type == ElementType::f8e4m3fn; }

/// Of y.
ElementType result_element(const Infer& context, size_t inputs) {
  if (!is_f8(context.element(0))) return context.element(0);
  for (size_t i = matmul_bias_input; i < inputs; ++i) {
    if (context.has(i)) return context.element(i);
  }
  return ElementType::f32;
}

void expect_element(const Infer& context, size_t i, std::string_view what) {
  const ElementType element = context.element(i);
  if (is_f8(element) && is_f8(context.element(0)) && is_f8(context.element(1))) return;
  const bool number = is_floating(element) || (is_integer(element) && bits(element) >= 32);
  if (!number || bits(element) < 16) {
    fail(ErrorCode::invalid_model, "{} is {}, expected floats or integers of 32 or 64 bits", what,
         name(element));
  }
  const bool stored_half = i == 1 && context.element(0) == ElementType::f32 && is_half(element);
  if (element != context.element(0) && !stored_half) {
    fail(ErrorCode::invalid_model, "{} is {}, but a is {}", what, name(element),
         name(context.element(0)));
  }
}

/// Shape [.., rows, columns] with the one-dimensional forms filled up and transposes undone.
Dims matrices(const Infer& context, size_t i, bool transposed) {
  Dims dims = context.dims(i);
  if (dims.empty()) {
    fail(ErrorCode::invalid_model, "{} is a scalar, expected a matrix", i == 0 ? "a" : "b");
  }
  if (dims.size() == 1) {
    if (transposed) fail(ErrorCode::invalid_model, "a vector cannot be transposed");
    dims.insert(i == 0 ? dims.begin() : dims.end(), Dim(1));
  } else if (transposed) {
    std::swap(dims[dims.size() - 1], dims[dims.size() - 2]);
  }
  return dims;
}

/// Operands of the epilogue must not enlarge the result.
void expect_broadcastable(const Infer& context, size_t i, std::string_view what,
                          const Dims& result) {
  if (!context.has(i) || !context.ranked(i)) return;
  const Dims& dims = context.dims(i);
  bool fits = dims.size() <= result.size();
  for (size_t k = 0; fits && k < dims.size(); ++k) {
    const Dim& own = dims[dims.size() - 1 - k];
    const Dim& whole = result[result.size() - 1 - k];
    fits = own == Dim(1) || !own.is_constant() || !whole.is_constant() || own == whole;
  }
  if (!fits) {
    fail(ErrorCode::invalid_model, "{} has shape [{}], which does not broadcast to [{}]", what,
         to_string(dims), to_string(result));
  }
}

}  // namespace

void infer(const MatMul& op, Infer& context) {
  const auto extra = static_cast<size_t>(op.post.inputs - 1);
  context.expect_inputs(2, matmul_first_post_input + extra);
  for (size_t i = 0; i < 2; ++i) expect_element(context, i, i == 0 ? "a" : "b");
  const ElementType element = result_element(context, matmul_first_post_input + extra);
  const bool plain = element == ElementType::f32 || is_half(element);
  if (is_f8(context.element(0)) && !plain)
    fail(ErrorCode::invalid_model, "y is {}, expected f32 or a half", name(element));
  if (context.has(matmul_bias_input)) {
    if (!is_f8(context.element(0))) expect_element(context, matmul_bias_input, "bias");
  }
  if (!op.post.empty() && !plain)
    fail(ErrorCode::invalid_model, "a is {}, a fused program needs f32 or a half", name(element));
  for (size_t i = 0; i < extra; ++i) {
    const size_t input = matmul_first_post_input + i;
    if (context.element(input) != element) {
      fail(ErrorCode::invalid_model, "x{} is {}, expected {} as {} is", i + 1,
           name(context.element(input)), name(element),
           context.element(0) == element ? "a" : "the bias or x1");
    }
  }
  if (!context.ranked(0) || !context.ranked(1)) {
    context.unranked(0, element);
    return;
  }
  const Dims a = matrices(context, 0, op.transpose_a);
  const Dims b = matrices(context, 1, op.transpose_b);
  const Dim& depth_a = a[a.size() - 1];
  const Dim& depth_b = b[b.size() - 2];
  if (depth_a.is_constant() && depth_b.is_constant() && depth_a != depth_b) {
    fail(ErrorCode::invalid_model, "a [{}] has {} columns, but b [{}] has {} rows", to_string(a),
         depth_a.value(), to_string(b), depth_b.value());
  }
  Dims result = broadcast(Dims(a.begin(), a.end() - 2), Dims(b.begin(), b.end() - 2));
  if (context.rank(0) > 1) result.push_back(a[a.size() - 2]);
  if (context.rank(1) > 1) result.push_back(b[b.size() - 1]);
  expect_broadcastable(context, matmul_bias_input, "bias", result);
  for (size_t i = 0; i < extra; ++i) {
    expect_broadcastable(context, matmul_first_post_input + i, fmt::format("x{}", i + 1), result);
  }
  context.output(0, element, std::move(result));
}

uint32_t half_weights(const MatMul&) { return 1U << 1; }

bool keeps_rows(const MatMul& op, const Infer& context, const std::vector<bool>& batched) {
  const int64_t rank = std::max(context.rank(0), context.rank(1));
  if (!rows_broadcast(context, batched, rank, matmul_bias_input)) return false;
  if (rank == 2) return batched[0] && !batched[1] && !op.transpose_a;
  const std::vector<bool> operands = {batched[0], batched[1]};
  return rows_broadcast(context, operands, rank);
}

Dim operations(const MatMul& op, const Infer& context) {
  if (!context.ranked(0) || !context.ranked(1)) return Dim(0);
  const Dims a = matrices(context, 0, op.transpose_a);
  const Dims b = matrices(context, 1, op.transpose_b);
  Dim results = a[a.size() - 2] * b[b.size() - 1];
  for (const Dim& dim : broadcast(Dims(a.begin(), a.end() - 2), Dims(b.begin(), b.end() - 2))) {
    results = results * dim;
  }
  return results * (Dim(2) * a[a.size() - 1] + Dim(op.post.operations()));
}

int64_t MatMulSizes::index(int64_t i, const Shape& step) const {
  int64_t result = 0;
  for (size_t axis = batch.size(); axis-- > 0;) {
    result += i % batch[axis] * step[axis];
    i /= batch[axis];
  }
  return result;
}

MatMulSizes matmul_sizes(const MatMul& op, const Shape& a, const Shape& b) {
  const size_t a_rank = a.size() - 2, b_rank = b.size() - 2;
  MatMulSizes sizes;
  sizes.m = a[a_rank + (op.transpose_a ? 1 : 0)];
  sizes.k = a[a_rank + (op.transpose_a ? 0 : 1)];
  sizes.n = b[b_rank + (op.transpose_b ? 0 : 1)];
  const size_t rank = std::max(a_rank, b_rank);
  sizes.batch.assign(rank, 1);
  sizes.a_batch_step.assign(rank, 0);
  sizes.b_batch_step.assign(rank, 0);
  int64_t a_step = 1, b_step = 1;
  for (size_t axis = rank; axis-- > 0;) {
    const int64_t a_size = axis + a_rank < rank ? 1 : a[axis + a_rank - rank];
    const int64_t b_size = axis + b_rank < rank ? 1 : b[axis + b_rank - rank];
    sizes.batch[axis] = a_size == 1 ? b_size : a_size;
    if (a_size != 1) sizes.a_batch_step[axis] = a_step;
    if (b_size != 1) sizes.b_batch_step[axis] = b_step;
    a_step *= a_size;
    b_step *= b_size;
  }
  sizes.batch_count = element_count(sizes.batch);
  return sizes;
}

}  // namespace drawbar::ops

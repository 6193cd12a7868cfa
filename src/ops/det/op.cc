#include "ops/det/op.h"

#include <cmath>
#include <utility>
#include <vector>

namespace drawbar::ops {

DRAWBAR_OP(Det);

namespace {

/// Of a row-major n × n matrix, which it destroys.
double determinant(std::vector<double>& matrix, size_t n) {
  double result = 1;
  for (size_t column = 0; column < n; ++column) {
    size_t pivot = column;
    for (size_t row = column + 1; row < n; ++row) {
      if (std::abs(matrix[row * n + column]) > std::abs(matrix[pivot * n + column])) pivot = row;
    }
    const double leading = matrix[pivot * n + column];
    if (leading == 0) return 0;
    if (pivot != column) {
      result = -result;
      for (size_t i = 0; i < n; ++i) std::swap(matrix[pivot * n + i], matrix[column * n + i]);
    }
    result *= leading;
    for (size_t row = column + 1; row < n; ++row) {
      const double factor = matrix[row * n + column] / leading;
      for (size_t i = column; i < n; ++i) matrix[row * n + i] -= factor * matrix[column * n + i];
    }
  }
  return result;
}

}  // namespace

void infer(const Det&, Infer& context) {
  context.expect_inputs(1, 1);
  if (!is_floating(context.element(0))) {
    fail(ErrorCode::invalid_model, "x is {}, expected a float type", name(context.element(0)));
  }
  if (!context.ranked(0)) {
    context.unranked(0, context.element(0));
    return;
  }
  Dims dims = context.dims(0);
  if (dims.size() < 2) {
    fail(ErrorCode::invalid_model, "x has rank {}, expected at least 2", dims.size());
  }
  Infer::same(dims[dims.size() - 2], dims[dims.size() - 1], "rows and columns of x");
  dims.resize(dims.size() - 2);
  context.output(0, context.element(0), std::move(dims));
}

Dim operations(const Det&, const Infer& context) {
  return context.ranked(0) ? context.tensor(0).size() * context.dims(0).back() : Dim(0);
}

void reference(const Det&, Evaluation& e) {
  const Tensor& x = e.input(0);
  const int64_t n = x.dim(x.rank() - 1);
  Tensor& y = e.output(0, x.type(), Shape(x.shape().begin(), x.shape().end() - 2));
  std::vector<double> matrix(static_cast<size_t>(n * n));
  for (int64_t i = 0; i < y.size(); ++i) {
    for (int64_t k = 0; k < n * n; ++k) {
      matrix[static_cast<size_t>(k)] = read_number(x, i * n * n + k);
    }
    write_number(y, i, determinant(matrix, static_cast<size_t>(n)));
    e.checkpoint();
  }
}

}  // namespace drawbar::ops

#include "ops/grid_sample/op.h"
#include "ops/window/rounded.h"

namespace drawbar::ops {

DRAWBAR_OP(AffineGrid);

namespace {

/// The coordinate of position i of `size`.
double coordinate(bool align_corners, int64_t i, int64_t size) {
  const auto at = static_cast<double>(i), count = static_cast<double>(size);
  if (!align_corners) return (2 * at + 1) / count - 1;
  return size == 1 ? 0 : 2 * at / (count - 1) - 1;
}

}  // namespace

void infer(const AffineGrid&, Infer& context) {
  context.expect_inputs(2, 2);
  const ElementType element = context.element(0);
  if (!is_floating(element)) {
    fail(ErrorCode::invalid_model, "theta is {}, expected a float type", name(element));
  }
  if (context.element(1) != ElementType::i64) {
    fail(ErrorCode::invalid_model, "size is {}, expected i64", name(context.element(1)));
  }
  context.expect_rank(0, 3, "theta");
  if (!context.ranked(0) || !context.dims(0)[1].is_constant()) return context.unranked(0, element);
  const Dims& theta = context.dims(0);
  const int64_t axes = theta[1].value();
  if (axes != 2 && axes != 3) {
    fail(ErrorCode::invalid_model, "theta has {} rows, expected 2 or 3", axes);
  }
  Infer::same(theta[2], axes + 1, "theta's columns");
  const std::optional<Dims> size = context.content(1);
  if (size && size->size() != static_cast<size_t>(axes + 2)) {
    fail(ErrorCode::invalid_model, "size has {} numbers, expected {}", size->size(), axes + 2);
  }
  Dims grid = {size ? Infer::same(theta[0], (*size)[0], "images of theta and size") : theta[0]};
  for (int64_t i = 0; i < axes; ++i) {
    grid.push_back(size ? (*size)[static_cast<size_t>(i + 2)] : context.fresh("size", 1 << 16));
    if (grid.back().is_constant() && grid.back().value() < 0) {
      fail(ErrorCode::invalid_model, "size[{}] is {}, expected at least 0", i + 2,
           grid.back().value());
    }
  }
  grid.emplace_back(axes);
  context.output(0, element, grid);
}

void reference(const AffineGrid& op, Evaluation& e) {
  const Tensor& theta = e.input(0);
  const std::vector<int64_t> size = read_integers(e.input(1));
  const int64_t axes = theta.dim(1);
  if (static_cast<int64_t>(size.size()) != axes + 2 || size[0] != theta.dim(0)) {
    fail(ErrorCode::invalid_argument, "size has {} numbers, expected {} starting with {}",
         size.size(), axes + 2, theta.dim(0));
  }
  Shape shape = {size[0]};
  shape.insert(shape.end(), size.begin() + 2, size.end());
  shape.push_back(axes);
  Tensor& grid = e.output(0, theta.type(), shape);
  const int64_t positions = size[0] == 0 ? 0 : grid.size() / axes / size[0];
  with_element_type(theta.type(), [&](auto type) {
    using T = decltype(type);
    T* to = grid.data<T>();
    for (int64_t p = 0; p < size[0] * positions; ++p) {
      if (p % 4096 == 0) e.checkpoint();
      double at[4] = {0, 0, 0, 0};  // x, y(, z), 1
      int64_t rest = p % positions;
      for (int64_t i = 0; i < axes; ++i) {
        const int64_t length = shape[static_cast<size_t>(axes - i)];
        at[i] = coordinate(op.align_corners, rest % length, length);
        rest /= length;
      }
      at[axes] = 1;
      const T* matrix = theta.data<T>() + p / positions * axes * (axes + 1);
      for (int64_t row = 0; row < axes; ++row) {
        double sum = 0;
        for (int64_t i = 0; i <= axes; ++i) {
          sum += static_cast<double>(matrix[row * (axes + 1) + i]) * at[i];
        }
        *to++ = rounded<T>(sum);
      }
    }
  });
}

}  // namespace drawbar::ops

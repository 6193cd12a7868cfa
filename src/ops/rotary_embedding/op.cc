#include "ops/rotary_embedding/op.h"

#include <algorithm>

#include "ops/movement/concrete.h"

namespace drawbar::ops {

DRAWBAR_OP(RotaryEmbedding);

namespace {

using Rotary = RotaryEmbedding;
using Positions = RotarySizes::Positions;

void expect_elements(const Infer& context) {
  const ElementType element = context.element(Rotary::x);
  if (!is_floating(element) || bits(element) < 16) {
    fail(ErrorCode::invalid_model, "x is {}, expected a float type", name(element));
  }
  for (size_t i : {Rotary::cos, Rotary::sin}) {
    if (context.element(i) == element) continue;
    fail(ErrorCode::invalid_model, "{} is {}, but x is {}", i == Rotary::cos ? "cos" : "sin",
         name(context.element(i)), name(element));
  }
  if (context.has(Rotary::positions) && context.element(Rotary::positions) != ElementType::i64) {
    fail(ErrorCode::invalid_model, "positions are {}, expected i64",
         name(context.element(Rotary::positions)));
  }
}

/// R/2 for heads of this size.
Dim half_of(const RotaryEmbedding& op, const Dim& size) {
  const Dim rotated = op.rotated == 0 ? size : Dim(op.rotated);
  if (rotated.is_constant() && (rotated.value() < 0 || rotated.value() % 2 != 0)) {
    fail(ErrorCode::invalid_model, "{} elements of a head turn, expected an even number",
         rotated.value());
  }
  if (rotated.is_constant() && size.is_constant() && rotated.value() > size.value()) {
    fail(ErrorCode::invalid_model, "{} elements of a head turn, it has {}", rotated.value(),
         size.value());
  }
  return floor_div(rotated, Dim(2));
}

void expect_positions(const Infer& context, const Dim& batch, const Dim& rows) {
  if (!context.has(Rotary::positions) || !context.ranked(Rotary::positions)) return;
  const Dims& dims = context.dims(Rotary::positions);
  const bool one = dims.size() == 1 && (!dims[0].is_constant() || dims[0] == Dim(1));
  if (!one && dims.size() != 2) {
    fail(ErrorCode::invalid_model, "positions have shape [{}], expected [1] or [{}]",
         to_string(dims), to_string(Dims{batch, rows}));
  }
  if (one) return;
  Infer::same(dims[0], batch, "batches of positions and x");
  Infer::same(dims[1], rows, "rows of positions and x");
}

void expect_caches(const Infer& context, const Dim& batch, const Dim& rows, const Dim& half) {
  const bool shared = context.has(Rotary::positions);
  for (size_t i : {Rotary::cos, Rotary::sin}) {
    const std::string_view what = i == Rotary::cos ? "cos" : "sin";
    context.expect_rank(i, shared ? 2 : 3, what);
    if (!context.ranked(i)) continue;
    const Dims& dims = context.dims(i);
    Infer::same(dims.back(), half, fmt::format("columns of {} and pairs that turn", what));
    if (shared) {
      if (!context.ranked(Rotary::cos)) continue;
      Infer::same(context.dims(Rotary::cos)[0], dims[0], "lines of cos and sin");
    } else {
      Infer::same(dims[0], batch, fmt::format("batches of {} and x", what));
      Infer::same(dims[1], rows, fmt::format("rows of {} and x", what));
    }
  }
}

/// Computes in W, which holds a T.
template <class T, class W>
void rotate(const RotaryEmbedding& op, Evaluation& e, const RotarySizes& sizes, Tensor& y) {
  const T* x = e.input(Rotary::x).data<T>();
  const T *all_cos = e.input(Rotary::cos).data<T>(), *all_sin = e.input(Rotary::sin).data<T>();
  const int64_t* positions =
      e.has(Rotary::positions) ? e.input(Rotary::positions).data<int64_t>() : nullptr;
  const int64_t step = op.interleaved ? 2 : 1, apart = op.interleaved ? 1 : sizes.half;
  for (int64_t i = 0; i < sizes.all_rows(); ++i) {
    const int64_t item = i / sizes.rows, row = i % sizes.rows;
    const int64_t line = sizes.line(positions, item, row) * sizes.half;
    const T *cos = all_cos + line, *sin = all_sin + line;
    for (int64_t head = 0; head < sizes.heads; ++head) {
      const int64_t offset = sizes.offset(item, row) + head * sizes.head_stride;
      const T* from = x + offset;
      T* to = y.data<T>() + offset;
      for (int64_t k = 0; k < sizes.half; ++k) {
        const auto a = static_cast<W>(from[k * step]), b = static_cast<W>(from[k * step + apart]);
        const auto c = static_cast<W>(cos[k]), s = static_cast<W>(sin[k]);
        to[k * step] = static_cast<T>(a * c - b * s);
        to[k * step + apart] = static_cast<T>(a * s + b * c);
      }
      std::copy(from + 2 * sizes.half, from + sizes.size, to + 2 * sizes.half);
    }
    e.checkpoint();
  }
}

}  // namespace

void infer(const RotaryEmbedding& op, Infer& context) {
  context.expect_inputs(3, 4);
  expect_elements(context);
  context.expect_rank(Rotary::x, 4, "x");
  if (!context.ranked(Rotary::x)) return context.unranked(0, context.element(Rotary::x));
  const Dims& x = context.dims(Rotary::x);
  const Dim &batch = x[0], &rows = x[op.heads_last ? 1 : 2];
  expect_positions(context, batch, rows);
  expect_caches(context, batch, rows, half_of(op, x[3]));
  context.output(0, context.type(Rotary::x));
}

bool keeps_rows(const RotaryEmbedding&, const Infer& context, const std::vector<bool>& batched) {
  const bool shared = context.has(Rotary::positions);
  if (!batched[Rotary::x] || batched[Rotary::cos] == shared || batched[Rotary::sin] == shared) {
    return false;
  }
  return !shared || batched[Rotary::positions] == (context.rank(Rotary::positions) == 2);
}

Dim operations(const RotaryEmbedding&, const Infer& context) {
  return Dim(3) * context.tensor(Rotary::x).size();
}

int64_t RotarySizes::line(const int64_t* given, int64_t item, int64_t row) const {
  if (positions == Positions::none) return item * rows + row;
  const int64_t first = positions == Positions::each ? given[item * rows + row] : given[0];
  const int64_t behind = positions == Positions::each ? 0 : row;
  if (first < 0 || first >= cached - behind) {
    fail(ErrorCode::invalid_argument, "row {} stands at position {}{}, expected 0 to {}", row,
         first, behind > 0 ? fmt::format(" + {}", behind) : "", cached - 1);
  }
  return first + behind;
}

RotarySizes rotary_sizes(const RotaryEmbedding& op, const Shape& x, const Shape& cos,
                         const Shape* positions) {
  RotarySizes sizes{.batch = x[0],
                    .heads = x[op.heads_last ? 2 : 1],
                    .rows = x[op.heads_last ? 1 : 2],
                    .size = x[3],
                    .half = cos.back(),
                    .cached = cos[0]};
  sizes.head_stride = op.heads_last ? sizes.size : sizes.rows * sizes.size;
  sizes.row_stride = op.heads_last ? sizes.heads * sizes.size : sizes.size;
  if (positions) sizes.positions = positions->size() == 1 ? Positions::first : Positions::each;
  return sizes;
}

void reference(const RotaryEmbedding& op, Evaluation& e) {
  const Tensor& x = e.input(Rotary::x);
  Tensor& y = e.output(0, x.type(), concrete_shape(op, e));
  const RotarySizes sizes =
      rotary_sizes(op, x.shape(), e.input(Rotary::cos).shape(),
                   e.has(Rotary::positions) ? &e.input(Rotary::positions).shape() : nullptr);
  switch (x.type()) {
    case ElementType::f64:
      return rotate<double, double>(op, e, sizes, y);
    case ElementType::f16:
      return rotate<Float16, float>(op, e, sizes, y);
    case ElementType::bf16:
      return rotate<BFloat16, float>(op, e, sizes, y);
    default:
      return rotate<float, double>(op, e, sizes, y);
  }
}

}  // namespace drawbar::ops

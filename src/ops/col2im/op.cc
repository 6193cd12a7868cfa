#include "ops/col2im/op.h"

#include <limits>

#include "base/checked.h"
#include "ops/movement/concrete.h"
#include "ops/movement/index.h"

namespace drawbar::ops {

DRAWBAR_OP(Col2Im);

namespace {

/// A list of n entries, each at least `least`; an empty one is filled with `fallback`.
std::vector<int64_t> entries(std::vector<int64_t> list, size_t n, int64_t fallback, int64_t least,
                             std::string_view what) {
  if (list.empty()) list.assign(n, fallback);
  if (list.size() != n)
    fail(ErrorCode::invalid_model, "{} has {} entries, expected {}", what, list.size(), n);
  for (int64_t entry : list) {
    if (entry < least || entry > std::numeric_limits<int32_t>::max())
      fail(ErrorCode::invalid_model, "{} has {}, expected at least {}", what, entry, least);
  }
  return list;
}

struct Blocks {
  std::vector<int64_t> image, block, strides, dilations, pads;
  std::vector<int64_t> positions;  // of blocks along each dimension
  int64_t taps = 1, columns = 1;   // elements of a block, blocks
};

Blocks blocks(const Col2Im& op, std::vector<int64_t> image, std::vector<int64_t> block) {
  const size_t n = image.size();
  Blocks result{entries(std::move(image), n, 0, 0, "image_shape"),
                entries(std::move(block), n, 1, 1, "block_shape"),
                entries(op.strides, n, 1, 1, "strides"),
                entries(op.dilations, n, 1, 1, "dilations"),
                entries(op.pads, 2 * n, 0, 0, "pads"),
                {}};
  for (size_t i = 0; i < n; ++i) {
    const int64_t reach = result.dilations[i] * (result.block[i] - 1) + 1;
    const int64_t room = result.image[i] + result.pads[i] + result.pads[n + i] - reach;
    result.positions.push_back(room < 0 ? 0 : room / result.strides[i] + 1);
    result.taps = checked_mul(result.taps, result.block[i]);
    result.columns = checked_mul(result.columns, result.positions[i]);
  }
  return result;
}

std::optional<std::vector<int64_t>> numbers(const Infer& context, size_t i) {
  const auto content = context.content(i);
  if (!content) return std::nullopt;
  std::vector<int64_t> result;
  for (const Dim& dim : *content) {
    if (!dim.is_constant()) return std::nullopt;
    result.push_back(dim.value());
  }
  return result;
}

}  // namespace

void infer(const Col2Im& op, Infer& context) {
  context.expect_inputs(3, 3);
  const ElementType type = context.element(0);
  if ((!is_integer(type) && !is_floating(type)) || bits(type) < 8)
    fail(ErrorCode::invalid_model, "x is {}, expected numbers", name(type));
  context.expect_rank(0, 3, "x");
  for (size_t i = 1; i < 3; ++i) {
    expect_indices(context, i, i == 1 ? "image_shape" : "block_shape");
    context.expect_rank(i, 1, i == 1 ? "image_shape" : "block_shape");
  }
  const auto image = context.content(1);
  const auto block = numbers(context, 2);
  if (!image || !block || !context.ranked(0)) return context.unranked(0, type);
  if (image->size() != block->size()) {
    fail(ErrorCode::invalid_model, "image_shape has {} entries, block_shape {}", image->size(),
         block->size());
  }
  int64_t taps = 1;
  for (int64_t size : entries(*block, block->size(), 1, 1, "block_shape"))
    taps = checked_mul(taps, size);
  const Dims& x = context.dims(0);
  if (x[1].is_constant() && x[1].value() % taps != 0) {
    fail(ErrorCode::invalid_model, "x has {} rows, expected a multiple of {} (the block)",
         x[1].value(), taps);
  }
  if (const auto concrete = numbers(context, 1)) {
    const Blocks all = blocks(op, *concrete, *block);
    if (x[2].is_constant() && x[2].value() != all.columns) {
      fail(ErrorCode::invalid_model, "x has {} columns, but {} blocks fit the image", x[2].value(),
           all.columns);
    }
  }
  Dims dims{x[0], floor_div(x[1], taps)};
  dims.insert(dims.end(), image->begin(), image->end());
  context.output(0, type, std::move(dims));
}

void reference(const Col2Im& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor& x = e.input(0);
  const Blocks all = blocks(op, read_integers(e.input(1)), read_integers(e.input(2)));
  const size_t n = all.image.size();
  Tensor& y = e.output(0, x.type(), shape);
  const bool integers = is_integer(x.type());
  std::vector<double> sums(integers ? 0 : static_cast<size_t>(y.size()), 0.0);
  std::vector<uint64_t> counts(integers ? static_cast<size_t>(y.size()) : 0, 0);
  const int64_t plane = element_count(all.image);
  for (int64_t row = 0; row < x.dim(0) * x.dim(1); ++row) {
    for (int64_t column = 0; column < all.columns; ++column) {
      int64_t tap = row % all.taps, position = column, at = 0, stride = 1;
      bool inside = true;
      for (size_t i = n; i-- > 0;) {
        const int64_t place = position % all.positions[i] * all.strides[i] +
                              tap % all.block[i] * all.dilations[i] - all.pads[i];
        inside = inside && place >= 0 && place < all.image[i];
        at += place * stride;
        stride *= all.image[i];
        tap /= all.block[i];
        position /= all.positions[i];
      }
      if (!inside) continue;
      const auto target = static_cast<size_t>(row / all.taps * plane + at);
      const int64_t source = row * all.columns + column;
      if (integers) {
        counts[target] += static_cast<uint64_t>(read_integer(x, source));
      } else {
        sums[target] += read_number(x, source);
      }
    }
    e.checkpoint();
  }
  for (int64_t i = 0; i < y.size(); ++i) {
    if (integers) {
      write_integer(y, i, static_cast<int64_t>(counts[static_cast<size_t>(i)]));
    } else {
      write_number(y, i, sums[static_cast<size_t>(i)]);
    }
  }
}

Dim operations(const Col2Im&, const Infer& context) { return context.tensor(0).size(); }

}  // namespace drawbar::ops

#include "ops/slice/op.h"

#include <algorithm>

#include "base/checked.h"
#include "ops/movement/concrete.h"
#include "ops/movement/elements.h"
#include "ops/slice/symbolic.h"

namespace drawbar::ops {

DRAWBAR_OP(Slice);

namespace {

constexpr std::string_view input_names[] = {"x", "starts", "ends", "axes", "steps"};

/// The numbers of input i, nothing where one is unknown.
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

/// The length of starts and all that go with it; nothing when it is unknown.
std::optional<size_t> list_length(const Infer& context) {
  std::optional<Dim> length;
  for (size_t i = 1; i < 5; ++i) {
    if (!context.has(i)) continue;
    if (!is_integer(context.element(i))) {
      fail(ErrorCode::invalid_model, "{} are {}, expected i64", input_names[i],
           name(context.element(i)));
    }
    context.expect_rank(i, 1, input_names[i]);
    if (!context.ranked(i)) continue;
    length = length ? Infer::same(*length, context.dims(i)[0],
                                  fmt::format("lengths of starts and {}", input_names[i]))
                    : context.dims(i)[0];
  }
  if (!length || !length->is_constant()) return std::nullopt;
  return static_cast<size_t>(length->value());
}

std::vector<int64_t> resolved_axes(const std::vector<int64_t>& axes, size_t count, int64_t rank) {
  std::vector<int64_t> result;
  if (axes.empty()) {
    if (static_cast<int64_t>(count) > rank)
      fail(ErrorCode::invalid_model, "slices {} dimensions of {}", count, rank);
    for (size_t i = 0; i < count; ++i) result.push_back(static_cast<int64_t>(i));
    return result;
  }
  for (int64_t axis : axes) result.push_back(Infer::axis(axis, rank, "axes"));
  std::vector<int64_t> sorted = result;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    fail(ErrorCode::invalid_model, "axes name a dimension twice");
  return result;
}

SliceRange slice_range(int64_t size, int64_t start, int64_t end, int64_t step) {
  if (step == 0) fail(ErrorCode::invalid_model, "a step is 0");
  if (size == 0) return {0, 0, 1};
  const auto clamp = [size](int64_t position, int64_t least, int64_t most) {
    return std::clamp(position < 0 ? position + size : position, least, most);
  };
  const int64_t first = clamp(start, 0, step < 0 ? size - 1 : size);
  const int64_t last = step < 0 ? clamp(end, -1, size - 1) : clamp(end, 0, size);
  const int64_t distance = step < 0 ? first - last : last - first;
  if (distance <= 0) return {0, 0, 1};
  if (step >= distance || step <= -distance) return {first, 1, 1};
  return {first, (distance - 1) / std::abs(step) + 1, step};
}

}  // namespace

std::vector<SliceRange> slice_ranges(const Shape& x, const std::vector<int64_t>& starts,
                                     const std::vector<int64_t>& ends,
                                     const std::vector<int64_t>& axes,
                                     const std::vector<int64_t>& steps) {
  std::vector<SliceRange> ranges;
  for (int64_t size : x) ranges.push_back({0, size, 1});
  const auto resolved = resolved_axes(axes, starts.size(), static_cast<int64_t>(x.size()));
  if (ends.size() != starts.size() || resolved.size() != starts.size() ||
      (!steps.empty() && steps.size() != starts.size())) {
    fail(ErrorCode::invalid_model, "{} starts, {} ends, {} axes and {} steps", starts.size(),
         ends.size(), resolved.size(), steps.size());
  }
  for (size_t i = 0; i < starts.size(); ++i) {
    const auto axis = static_cast<size_t>(resolved[i]);
    ranges[axis] = slice_range(x[axis], starts[i], ends[i], steps.empty() ? 1 : steps[i]);
  }
  return ranges;
}

StridedCopy slice_copy(const std::vector<SliceRange>& ranges, const Shape& x_strides,
                       const Shape& y_strides) {
  StridedCopy copy;
  copy.to_strides = y_strides;
  for (size_t i = 0; i < ranges.size(); ++i) {
    copy.shape.push_back(ranges[i].size);
    copy.from_strides.push_back(x_strides[i] * ranges[i].step);
    copy.from_offset += x_strides[i] * ranges[i].start;
  }
  return copy;
}

void infer(const Slice&, Infer& context) {
  context.expect_inputs(3, 5);
  const ElementType type = context.element(0);
  const auto count = list_length(context);
  if (!context.ranked(0)) return context.unranked(0, type);
  Dims dims = context.dims(0);
  const auto axes = context.has(3) ? numbers(context, 3) : std::vector<int64_t>{};
  const auto steps = context.has(4) ? numbers(context, 4) : std::vector<int64_t>{};
  if (!count || !axes) {
    for (Dim& dim : dims) dim = context.fresh("size", dim);
    return context.output(0, type, std::move(dims));
  }
  const auto resolved = resolved_axes(*axes, *count, context.rank(0));
  const auto starts = context.content(1), ends = context.content(2);
  for (size_t i = 0; i < *count; ++i) {
    Dim& dim = dims[static_cast<size_t>(resolved[i])];
    const int64_t step = steps && !steps->empty() ? (*steps)[i] : 1;
    if (step == 0) fail(ErrorCode::invalid_model, "steps[{}] is 0", i);
    if (!starts || !ends || !steps) {
      dim = context.fresh("size", dim);
    } else if (dim.is_constant() && (*starts)[i].is_constant() && (*ends)[i].is_constant()) {
      dim = slice_range(dim.value(), (*starts)[i].value(), (*ends)[i].value(), step).size;
    } else {
      dim = sliced_size(dim, (*starts)[i], (*ends)[i], step);
    }
  }
  context.output(0, type, dims);
  const auto content = dims.size() == 1 ? context.content(0) : std::nullopt;
  const auto first = numbers(context, 1), last = numbers(context, 2);
  if (!content || !first || !last || !steps) return;
  const SliceRange range =
      slice_ranges({static_cast<int64_t>(content->size())}, *first, *last, *axes, *steps)[0];
  Dims taken;
  for (int64_t i = 0; i < range.size; ++i)
    taken.push_back((*content)[static_cast<size_t>(range.start + i * range.step)]);
  context.output_content(0, std::move(taken));
}

void reference(const Slice& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const auto list = [&](size_t i) {
    return e.has(i) ? read_integers(e.input(i)) : std::vector<int64_t>{};
  };
  const Tensor x = unpacked(e.input(0));
  const auto ranges = slice_ranges(x.shape(), list(1), list(2), list(3), list(4));
  move_into(e, 0, e.input(0).type(), shape, [&](Tensor& y) {
    copy_strided(slice_copy(ranges, row_major_strides(x.shape()), row_major_strides(shape)), x, y,
                 [&] { e.checkpoint(); });
  });
}

bool keeps_rows(const Slice&, const Infer& context, const std::vector<bool>& batched) {
  if (!batched[0] || !context.constant(3)) return false;
  for (int64_t axis : read_integers(*context.constant(3))) {
    if (Infer::axis(axis, context.rank(0)) == 0) return false;
  }
  return true;
}

Dim operations(const Slice&, const Infer&) { return 0; }

}  // namespace drawbar::ops

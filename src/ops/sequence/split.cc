#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "ops/control_flow/merge.h"
#include "ops/sequence/op.h"

namespace drawbar::ops {

DRAWBAR_OP(SplitToSequence);
DRAWBAR_OP(ConcatFromSequence);

namespace {

int64_t product(const Shape& shape, size_t from, size_t to) {
  int64_t result = 1;
  for (size_t i = from; i < to; ++i) result *= shape[i];
  return result;
}

/// Copies `outer` runs of `run` elements from `from` at `i` to `to` at `j`, with these strides.
void copy_runs(const Tensor& from, int64_t i, int64_t from_stride, Tensor& to, int64_t j,
               int64_t to_stride, int64_t outer, int64_t run) {
  for (int64_t o = 0; o < outer && run > 0; ++o, i += from_stride, j += to_stride) {
    if (from.type() == ElementType::string) {
      std::copy_n(from.data<std::string>() + i, run, to.data<std::string>() + j);
    } else if (bits(from.type()) >= 8) {
      const int64_t width = bits(from.type()) / 8;
      std::memcpy(static_cast<std::byte*>(to.raw()) + j * width,
                  static_cast<const std::byte*>(from.raw()) + i * width,
                  static_cast<size_t>(run * width));
    } else {
      for (int64_t k = 0; k < run; ++k) write_number(to, j + k, read_number(from, i + k));
    }
  }
}

/// Parts are many where they are empty: their number alone must fit into memory.
void expect_room(Evaluation& e, int64_t parts) {
  constexpr int64_t bytes_of_part = 256, most = int64_t{1} << 24;
  if (parts > most)
    fail(ErrorCode::resource_exhausted, "{} parts, at most {} are made", parts, most);
  e.check_bytes(parts * bytes_of_part);
}

std::vector<int64_t> part_sizes(Evaluation& e, int64_t length) {
  std::vector<int64_t> sizes;
  if (e.has(1) && e.input(1).rank() == 1) {
    expect_room(e, e.input(1).size());
    sizes = read_integers(e.input(1));
    int64_t total = 0;
    for (int64_t size : sizes) {
      if (size < 0) fail(ErrorCode::invalid_argument, "a part of {} elements", size);
      total = checked_add(total, size);
    }
    if (total != length) {
      fail(ErrorCode::invalid_argument, "parts of {} elements in all, the axis has {}", total,
           length);
    }
    return sizes;
  }
  const int64_t part = e.has(1) ? read_integer(e.input(1), 0) : 1;
  if (part < 1)
    fail(ErrorCode::invalid_argument, "parts of {} elements, expected at least 1", part);
  expect_room(e, length / part + (length % part != 0 ? 1 : 0));
  for (int64_t rest = length; rest > 0; rest -= part) sizes.push_back(std::min(part, rest));
  return sizes;
}

}  // namespace

void infer(const SplitToSequence& op, Infer& context) {
  context.expect_inputs(1, 2);
  Type element = context.tensor(0);
  if (context.has(1) &&
      (!is_integer(context.element(1)) || (context.ranked(1) && context.rank(1) > 1))) {
    fail(ErrorCode::invalid_model, "split is {}, expected integers", to_string(context.type(1)));
  }
  if (element.tensor.ranked) {
    const int64_t axis = Infer::axis(op.axis, element.tensor.rank());
    const bool drops = !op.keepdims && !context.has(1);
    Dims& dims = element.tensor.dims;
    Dim& dim = dims[static_cast<size_t>(axis)];
    const auto split = context.content(1);
    const bool one_size = split && context.ranked(1) && context.rank(1) == 0 &&
                          split->front().is_constant() && dim.is_constant() &&
                          split->front().value() > 0 && dim.value() % split->front().value() == 0;
    if (drops) {
      dims.erase(dims.begin() + axis);
    } else if (!context.has(1)) {
      dim = 1;
    } else {
      dim = one_size ? split->front() : varying_dim();
    }
  }
  element.tensor.layout = Layout::row_major;
  context.output(0, Type::of(Tensor::Kind::sequence, std::move(element)));
}

void reference(const SplitToSequence& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, x.rank()));
  const int64_t length = x.shape()[axis];
  const int64_t outer = product(x.shape(), 0, axis);
  const int64_t inner = product(x.shape(), axis + 1, x.shape().size());
  std::vector<Tensor> parts;
  int64_t begin = 0;
  for (int64_t size : part_sizes(e, length)) {
    e.checkpoint();
    Shape shape = x.shape();
    shape[axis] = size;
    if (!op.keepdims && !e.has(1)) shape.erase(shape.begin() + static_cast<ptrdiff_t>(axis));
    Tensor part = Tensor::allocate(x.type(), std::move(shape));
    copy_runs(x, begin * inner, length * inner, part, 0, size * inner, outer, size * inner);
    parts.push_back(std::move(part));
    begin += size;
  }
  e.set_output(0, Tensor::compound(Tensor::Kind::sequence, std::move(parts)));
}

void infer(const ConcatFromSequence& op, Infer& context) {
  context.expect_inputs(1, 1);
  Type type = without_varying(element_of_sequence(context, 0), context);
  if (!type.is_tensor()) {
    fail(ErrorCode::invalid_model, "elements are {}, expected tensors", to_string(type));
  }
  if (type.tensor.ranked) {
    Dims& dims = type.tensor.dims;
    const int64_t rank = type.tensor.rank() + (op.new_axis ? 1 : 0);
    const int64_t axis = Infer::axis(op.axis, rank);
    if (op.new_axis) dims.insert(dims.begin() + axis, Dim());
    dims[static_cast<size_t>(axis)] = context.fresh("joined", Dim(no_bound));
  }
  context.output(0, std::move(type));
}

void reference(const ConcatFromSequence& op, Evaluation& e) {
  const Tensor& sequence = e.input(0);
  if (sequence.kind() != Tensor::Kind::sequence || sequence.elements().empty()) {
    fail(ErrorCode::invalid_argument, "there is nothing to join");
  }
  std::vector<Tensor> parts = sequence.elements();
  const int64_t rank = parts[0].rank() + (op.new_axis ? 1 : 0);
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, rank));
  int64_t length = 0;
  Shape wanted;  // but for the axis
  for (Tensor& part : parts) {
    Shape shape = part.shape();
    if (op.new_axis && static_cast<int64_t>(shape.size()) + 1 == rank)
      shape.insert(shape.begin() + static_cast<ptrdiff_t>(axis), 1);
    if (wanted.empty()) wanted = shape;
    bool fits = shape.size() == wanted.size() && part.type() == parts[0].type();
    if (fits) {
      wanted[axis] = shape[axis];
      fits = wanted == shape;
    }
    if (!fits) {
      fail(ErrorCode::invalid_argument, "an element of shape {} does not join {} along axis {}",
           to_string(part.shape()), to_string(parts[0].shape()), op.axis);
    }
    length = checked_add(length, shape[axis]);
    part = part.reshaped(std::move(shape));
  }
  Shape shape = parts[0].shape();
  shape[axis] = length;
  const int64_t outer = product(shape, 0, axis), inner = product(shape, axis + 1, shape.size());
  Tensor& joined = e.output(0, parts[0].type(), shape);
  int64_t begin = 0;
  for (const Tensor& part : parts) {
    e.checkpoint();
    const int64_t run = part.shape()[axis] * inner;
    copy_runs(part, 0, run, joined, begin, length * inner, outer, run);
    begin += run;
  }
}

}  // namespace drawbar::ops

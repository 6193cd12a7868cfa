#include "ops/control_flow/stack.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/checked.h"

namespace drawbar::ops {
namespace {

constexpr int64_t most_bytes = int64_t{16} << 30;

/// Copies `count` elements of `from` at `i` to `to` at `j`.
void copy_elements(const Tensor& from, int64_t i, Tensor& to, int64_t j, int64_t count) {
  if (count == 0) return;
  if (from.type() == ElementType::string) {
    std::copy_n(from.data<std::string>() + i, count, to.data<std::string>() + j);
  } else if (bits(from.type()) >= 8) {
    const int64_t width = bits(from.type()) / 8;
    std::memcpy(static_cast<std::byte*>(to.raw()) + j * width,
                static_cast<const std::byte*>(from.raw()) + i * width,
                static_cast<size_t>(count * width));
  } else {
    for (int64_t k = 0; k < count; ++k) write_number(to, j + k, read_number(from, i + k));
  }
}

struct EmptyType {
  ElementType element = ElementType::f32;
  Shape shape;
};

EmptyType parse_empty(const std::string& text) {
  EmptyType type;
  const size_t bracket = text.find('[');
  const auto element = element_type_named(std::string_view(text).substr(0, bracket));
  if (bracket == std::string::npos || !element) {
    fail(ErrorCode::invalid_model, "'{}' is not the type of an empty stack", text);
  }
  type.element = *element;
  for (const char *at = text.data() + bracket + 1, *end = text.data() + text.size(); at < end;) {
    int64_t dim = 0;
    const auto read = std::from_chars(at, end, dim);
    if (read.ec != std::errc()) break;
    type.shape.push_back(dim);
    at = read.ptr;
    while (at < end && (*at == ',' || *at == ' ')) ++at;
  }
  return type;
}

int64_t product(const Shape& shape, size_t from, size_t to) {
  int64_t result = 1;
  for (size_t i = from; i < to; ++i) result *= shape[i];
  return result;
}

}  // namespace

void Stack::push(Tensor slice) {
  if (!slice.has_value() || slice.kind() != Tensor::Kind::tensor) {
    fail(ErrorCode::invalid_argument, "only tensors can be stacked");
  }
  if (!slices_.empty() &&
      (slices_[0].type() != slice.type() || slices_[0].shape() != slice.shape()))
    fail(ErrorCode::invalid_argument, "iteration {} gives a slice {}, those before are {}",
         slices_.size(), to_string(slice.shape()), to_string(slices_[0].shape()));
  bytes_ += slice.bytes() + static_cast<int64_t>(sizeof(Tensor));
  if (bytes_ > most_bytes) {
    fail(ErrorCode::resource_exhausted, "a stack of {} slices takes more than {} bytes",
         slices_.size(), most_bytes);
  }
  slices_.push_back(std::move(slice));
}

template <class Allocate>
void Stack::write(int64_t axis, bool backwards, const Allocate& allocate) const {
  if (slices_.empty()) {
    const EmptyType type = parse_empty(empty_);
    allocate(type.element, type.shape);
    return;
  }
  Shape shape = slices_[0].shape();
  const auto rank = static_cast<int64_t>(shape.size()) + 1;
  if (axis < -rank || axis >= rank) {
    fail(ErrorCode::invalid_argument, "axis {} is out of range for slices {}", axis,
         to_string(shape));
  }
  const auto at = static_cast<size_t>(axis < 0 ? axis + rank : axis);
  const auto count = static_cast<int64_t>(slices_.size());
  shape.insert(shape.begin() + static_cast<ptrdiff_t>(at), count);
  Tensor& stack = allocate(slices_[0].type(), shape);
  const int64_t outer = product(shape, 0, at), inner = product(shape, at + 1, shape.size());
  for (int64_t k = 0; k < count; ++k) {
    const Tensor& from = slices_[static_cast<size_t>(backwards ? count - 1 - k : k)];
    for (int64_t o = 0; o < outer; ++o)
      copy_elements(from, o * inner, stack, (o * count + k) * inner, inner);
  }
}

void Stack::finish(Evaluation& evaluation, size_t output, int64_t axis, bool backwards) const {
  write(axis, backwards, [&](ElementType type, Shape shape) -> Tensor& {
    return evaluation.output(output, type, std::move(shape));
  });
}

Tensor Stack::stacked(int64_t axis, bool backwards) const {
  Tensor result;
  write(axis, backwards, [&](ElementType type, Shape shape) -> Tensor& {
    return result = Tensor::allocate(type, std::move(shape));
  });
  return result;
}

void Pieces::push(Tensor piece) {
  if (!piece.has_value() || piece.kind() != Tensor::Kind::tensor || piece.rank() == 0) {
    fail(ErrorCode::invalid_argument, "only tensors with dimensions can be appended");
  }
  const auto same_but_first = [](const Shape& a, const Shape& b) {
    return a.size() == b.size() && std::equal(a.begin() + 1, a.end(), b.begin() + 1);
  };
  if (!pieces_.empty() &&
      (pieces_[0].type() != piece.type() || !same_but_first(pieces_[0].shape(), piece.shape()))) {
    fail(ErrorCode::invalid_argument, "iteration {} appends {} {} to {} {}", pieces_.size() - 1,
         name(piece.type()), to_string(piece.shape()), name(pieces_[0].type()),
         to_string(pieces_[0].shape()));
  }
  bytes_ += piece.bytes() + static_cast<int64_t>(sizeof(Tensor));
  if (bytes_ > most_bytes) {
    fail(ErrorCode::resource_exhausted, "{} appended pieces take more than {} bytes",
         pieces_.size(), most_bytes);
  }
  length_ += piece.dim(0);
  pieces_.push_back(std::move(piece));
}

void Pieces::finish(Evaluation& evaluation, size_t output) const {
  Shape shape = pieces_[0].shape();
  shape[0] = length_;
  Tensor& whole = evaluation.output(output, pieces_[0].type(), std::move(shape));
  int64_t at = 0;
  for (const Tensor& piece : pieces_) {
    copy_elements(piece, 0, whole, at, piece.size());
    at += piece.size();
  }
}

Tensor slice(const Tensor& tensor, int64_t axis, int64_t index) {
  const auto at = static_cast<size_t>(axis);
  Shape shape = tensor.shape();
  const int64_t length = shape[at];
  const int64_t outer = product(shape, 0, at), inner = product(shape, at + 1, shape.size());
  shape.erase(shape.begin() + static_cast<ptrdiff_t>(at));
  Tensor result = Tensor::allocate(tensor.type(), shape);
  for (int64_t o = 0; o < outer; ++o) {
    copy_elements(tensor, (o * length + index) * inner, result, o * inner, inner);
  }
  return result;
}

std::string empty_stack(const Type& slice, int64_t axis) {
  if (!slice.is_tensor()) {
    fail(ErrorCode::invalid_model, "a stacked output is {}, expected a tensor", to_string(slice));
  }
  Shape shape;
  for (const Dim& dim : slice.tensor.dims) shape.push_back(dim.is_constant() ? dim.value() : 0);
  const auto rank = static_cast<int64_t>(shape.size()) + 1;
  const int64_t at = axis < 0 ? axis + rank : axis;
  shape.insert(shape.begin() + static_cast<ptrdiff_t>(std::clamp<int64_t>(at, 0, rank - 1)), 0);
  return to_string(TensorType{slice.tensor.element, to_dims(shape)});
}

std::vector<std::string> empty_stacks(const Graph& body, size_t first,
                                      const std::vector<int64_t>& axes) {
  std::vector<std::string> result;
  for (size_t i = first; i < body.outputs().size(); ++i) {
    result.push_back(empty_stack(body.value(body.outputs()[i]).type,
                                 i - first < axes.size() ? axes[i - first] : 0));
  }
  return result;
}

}  // namespace drawbar::ops

#include <algorithm>

#include "base/checked.h"
#include "ops/movement/concrete.h"
#include "ops/movement/elements.h"
#include "ops/movement/index.h"
#include "ops/movement/strided_copy.h"
#include "ops/scatter/op.h"

namespace drawbar::ops {
namespace {

template <class T>
T reduce(ScatterReduction reduction, T a, T b) {
  using Number = std::conditional_t<std::is_class_v<T>, float, T>;
  const auto x = static_cast<Number>(a), y = static_cast<Number>(b);
  switch (reduction) {
    case ScatterReduction::add:
      if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
        return static_cast<T>(static_cast<uint64_t>(x) + static_cast<uint64_t>(y));
      return static_cast<T>(x + y);
    case ScatterReduction::mul:
      if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
        return static_cast<T>(static_cast<uint64_t>(x) * static_cast<uint64_t>(y));
      return static_cast<T>(x * y);
    case ScatterReduction::max:
      return y > x || y != y ? b : a;
    case ScatterReduction::min:
      return y < x || y != y ? b : a;
    default:
      return b;
  }
}

/// Calls each(T* target, const T* update) with the type to move or, with a reduction, to compute
/// in.
template <class F>
void with_scatter_type(ScatterReduction reduction, const Tensor& updates, Tensor& y, F&& each) {
  const auto body = [&](auto zero) {
    using T = decltype(zero);
    each(static_cast<T*>(y.raw()), static_cast<const T*>(updates.raw()));
  };
  if (reduction == ScatterReduction::none) {
    with_storage_type(y.type(), body);
  } else {
    with_element_type(y.type(), body);
  }
}

template <class T>
void apply(ScatterReduction reduction, T* target, const T* update, int64_t count) {
  if (reduction == ScatterReduction::none) {
    std::copy_n(update, count, target);
    return;
  }
  if constexpr (!std::is_same_v<T, std::string> && !std::is_same_v<T, Element128>) {
    for (int64_t i = 0; i < count; ++i) target[i] = reduce(reduction, target[i], update[i]);
  }
}

void copy_whole(const Tensor& x, Tensor& y) {
  with_storage_type(y.type(), [&](auto zero) {
    using T = decltype(zero);
    std::copy_n(static_cast<const T*>(x.raw()), x.size(), static_cast<T*>(y.raw()));
  });
}

}  // namespace

void reference(const ScatterElements& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor x = unpacked(e.input(0)), updates = unpacked(e.input(2));
  move_into(e, 0, e.input(0).type(), shape, [&](Tensor& y) {
    copy_whole(x, y);
    const size_t rank = shape.size();
    const size_t axis = rank == 0 ? 0 : static_cast<size_t>(Infer::axis(op.axis, x.rank()));
    const auto indices = checked_indices(e.input(1), rank == 0 ? 1 : shape[axis]);
    const Shape strides = row_major_strides(shape), &region = updates.shape();
    with_scatter_type(op.reduction, updates, y, [&](auto* target, const auto* update) {
      Shape position(rank, 0);
      for (int64_t i = 0; i < updates.size(); ++i) {
        int64_t at = rank == 0 ? 0 : indices[static_cast<size_t>(i)] * strides[axis];
        for (size_t k = 0; k < rank; ++k) at += k == axis ? 0 : position[k] * strides[k];
        apply(op.reduction, target + at, update + i, 1);
        for (size_t k = rank; k-- > 0 && ++position[k] == region[k];) position[k] = 0;
        if (i % 65536 == 0) e.checkpoint();
      }
    });
  });
}

void reference(const ScatterND& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor x = unpacked(e.input(0)), updates = unpacked(e.input(2));
  const Tensor& indices = e.input(1);
  const int64_t k = indices.shape().back();
  const int64_t lines = k == 0 ? element_count({indices.shape().data(), indices.shape().size() - 1})
                               : indices.size() / k;
  move_into(e, 0, e.input(0).type(), shape, [&](Tensor& y) {
    copy_whole(x, y);
    const Shape strides = row_major_strides(shape);
    int64_t slice = 1;
    for (size_t i = static_cast<size_t>(k); i < shape.size(); ++i) slice *= shape[i];
    with_scatter_type(op.reduction, updates, y, [&](auto* target, const auto* update) {
      for (int64_t line = 0; line < lines; ++line) {
        int64_t at = 0;
        for (int64_t i = 0; i < k; ++i) {
          const auto dimension = static_cast<size_t>(i);
          at += strides[dimension] *
                checked_index(read_integer(indices, line * k + i), shape[dimension]);
        }
        apply(op.reduction, target + at, update + line * slice, slice);
        if (line % 4096 == 0) e.checkpoint();
      }
    });
  });
}

void reference(const TensorScatter& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor cache = unpacked(e.input(0)), update = unpacked(e.input(1));
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, cache.rank()));
  const int64_t capacity = shape[axis], length = update.shape()[axis];
  int64_t between = 1, inner = 1;  // dimensions after the batch before the axis, and after the axis
  for (size_t i = 1; i < axis; ++i) between *= shape[i];
  for (size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  move_into(e, 0, e.input(0).type(), shape, [&](Tensor& y) {
    copy_whole(cache, y);
    with_storage_type(y.type(), [&](auto zero) {
      using T = decltype(zero);
      for (int64_t n = 0; n < shape[0]; ++n) {
        const int64_t start = e.has(2) ? read_integer(e.input(2), n) : 0;
        const int64_t last = op.circular ? capacity - 1 : capacity - length;
        if (length > 0 && (start < 0 || start > last))
          fail(ErrorCode::invalid_argument, "start {} of batch {} is outside [0, {}]", start, n,
               last);
        for (int64_t row = 0; row < between * length; ++row) {
          const int64_t b = n * between + row / length, s = row % length;
          const T* from = static_cast<const T*>(update.raw()) + (b * length + s) * inner;
          T* to = static_cast<T*>(y.raw()) + (b * capacity + (start + s) % capacity) * inner;
          std::copy_n(from, inner, to);
        }
        e.checkpoint();
      }
    });
  });
}

}  // namespace drawbar::ops

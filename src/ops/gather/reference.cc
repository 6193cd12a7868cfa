#include <algorithm>

#include "ops/gather/op.h"
#include "ops/movement/concrete.h"
#include "ops/movement/elements.h"
#include "ops/movement/index.h"
#include "ops/movement/strided_copy.h"

namespace drawbar::ops {
namespace {

int64_t product(const Shape& shape, size_t first, size_t last) {
  int64_t result = 1;
  for (size_t i = first; i < last; ++i) result *= shape[i];
  return result;
}

}  // namespace

void reference(const Gather& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor x = unpacked(e.input(0));
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, x.rank()));
  const int64_t size = x.shape()[axis], inner = product(x.shape(), axis + 1, x.shape().size());
  const int64_t outer = product(x.shape(), 0, axis);
  const auto indices = checked_indices(e.input(1), size);
  move_into(e, 0, e.input(0).type(), shape, [&](Tensor& y) {
    with_storage_type(y.type(), [&](auto zero) {
      using T = decltype(zero);
      const T* from = static_cast<const T*>(x.raw());
      T* to = static_cast<T*>(y.raw());
      for (int64_t o = 0; o < outer; ++o) {
        for (int64_t index : indices)
          to = std::copy_n(from + (o * size + index) * inner, inner, to);
        e.checkpoint();
      }
    });
  });
}

void reference(const GatherElements& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor x = unpacked(e.input(0));
  const size_t rank = shape.size();
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, x.rank()));
  const auto indices = checked_indices(e.input(1), x.shape()[axis]);
  const Shape strides = row_major_strides(x.shape());
  move_into(e, 0, e.input(0).type(), shape, [&](Tensor& y) {
    with_storage_type(y.type(), [&](auto zero) {
      using T = decltype(zero);
      Shape position(rank, 0);
      for (int64_t i = 0; i < y.size(); ++i) {
        int64_t at = indices[static_cast<size_t>(i)] * strides[axis];
        for (size_t k = 0; k < rank; ++k) at += k == axis ? 0 : position[k] * strides[k];
        static_cast<T*>(y.raw())[i] = static_cast<const T*>(x.raw())[at];
        for (size_t k = rank; k-- > 0 && ++position[k] == shape[k];) position[k] = 0;
        if (i % 65536 == 0) e.checkpoint();
      }
    });
  });
}

void reference(const GatherND& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor x = unpacked(e.input(0));
  const Tensor& indices = e.input(1);
  const auto batch_dims = static_cast<size_t>(op.batch_dims);
  const int64_t k = indices.shape().back();
  const int64_t batches = product(x.shape(), 0, batch_dims);
  const int64_t lines = product(indices.shape(), batch_dims, indices.shape().size() - 1);
  const int64_t whole = product(x.shape(), batch_dims, x.shape().size());
  const int64_t slice = product(x.shape(), batch_dims + static_cast<size_t>(k), x.shape().size());
  const Shape strides = row_major_strides(x.shape());
  move_into(e, 0, e.input(0).type(), shape, [&](Tensor& y) {
    with_storage_type(y.type(), [&](auto zero) {
      using T = decltype(zero);
      T* to = static_cast<T*>(y.raw());
      for (int64_t line = 0; line < batches * lines; ++line) {
        int64_t at = line / lines * whole;
        for (int64_t i = 0; i < k; ++i) {
          const size_t dimension = batch_dims + static_cast<size_t>(i);
          at += strides[dimension] *
                checked_index(read_integer(indices, line * k + i), x.shape()[dimension]);
        }
        to = std::copy_n(static_cast<const T*>(x.raw()) + at, slice, to);
        if (line % 4096 == 0) e.checkpoint();
      }
    });
  });
}

}  // namespace drawbar::ops

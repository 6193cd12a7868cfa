#include "ops/movement/strided_copy.h"

#include "ops/movement/elements.h"

namespace drawbar::ops {

int64_t StridedCopy::size() const {
  int64_t size = 1;
  for (int64_t dim : shape) size *= dim;
  return size;
}

Shape row_major_strides(const Shape& shape) {
  Shape strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * std::max<int64_t>(shape[i], 1);
  return strides;
}

void copy_strided(const StridedCopy& copy, const Tensor& from, Tensor& to,
                  FunctionRef<void()> checkpoint) {
  if (copy.size() == 0) return;
  const size_t rank = copy.shape.size();
  const int64_t inner = rank ? copy.shape[rank - 1] : 1;
  const int64_t from_step = rank ? copy.from_strides[rank - 1] : 1;
  const int64_t to_step = rank ? copy.to_strides[rank - 1] : 1;
  with_storage_type(to.type(), [&](auto zero) {
    using T = decltype(zero);
    const T* source = static_cast<const T*>(from.raw()) + copy.from_offset;
    T* target = static_cast<T*>(to.raw()) + copy.to_offset;
    Shape index(rank, 0);
    for (int64_t done = 0;;) {
      for (int64_t i = 0; i < inner; ++i) target[i * to_step] = source[i * from_step];
      done += inner;
      if (done >= 1 << 16) {
        checkpoint();
        done = 0;
      }
      size_t axis = rank > 0 ? rank - 1 : 0;
      for (; axis > 0; --axis) {
        const size_t k = axis - 1;
        source += copy.from_strides[k];
        target += copy.to_strides[k];
        if (++index[k] < copy.shape[k]) break;
        source -= copy.from_strides[k] * copy.shape[k];
        target -= copy.to_strides[k] * copy.shape[k];
        index[k] = 0;
      }
      if (axis == 0) return;
    }
  });
}

}  // namespace drawbar::ops

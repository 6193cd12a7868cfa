#pragma once

#include "ops/movement/cuda_copy.cuh"

namespace one_hot {

/// Element (outer, position of DEPTH, inner) a thread; `values` are off and on. Indices that are no
/// i64 leave their line off.
template <int BYTES, class Index, i64 DEPTH, i64 INNER, i64 TOTAL>
__device__ __forceinline__ void elements(const Index* __restrict__ indices, const void* values,
                                         void* y) {
  using T = movement::element_t<BYTES>;
  const i64 item = global_thread();
  if (item >= TOTAL) return;
  const i64 line = item / INNER, outer = line / DEPTH;
  const auto number = to_compute(indices[outer * INNER + (item - line * INNER)]);
  const double size = static_cast<double>(number);
  i64 index = size > -9e18 && size < 9e18 ? static_cast<i64>(number) : -1 - DEPTH;
  if (index < 0) index += DEPTH;
  static_cast<T*>(y)[item] = static_cast<const T*>(values)[index == line - outer * DEPTH ? 1 : 0];
}

}  // namespace one_hot

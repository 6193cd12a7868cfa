#pragma once

// Indices that data gives. An index out of range, for which the reference throws, is clamped: the
// result is then undefined, but no memory outside is touched.

namespace movement {

template <i64 SIZE, class Index>
__device__ __forceinline__ i64 clamped_index(Index value) {
  i64 index = static_cast<i64>(value);
  if (index < 0) index += SIZE;
  return index < 0 ? 0 : index >= SIZE ? SIZE - 1 : index;
}

/// An indexed dimension: its size, and the distance of neighbours.
template <i64 SIZE, i64 STRIDE>
struct Indexed {};

/// Where a line of indices, one for each dimension, points.
template <class... Dimensions>
struct IndexedOffset {
  template <class Index>
  static __device__ __forceinline__ i64 of(const Index*) {
    return 0;
  }
};
template <i64 SIZE, i64 STRIDE, class... Rest>
struct IndexedOffset<Indexed<SIZE, STRIDE>, Rest...> {
  template <class Index>
  static __device__ __forceinline__ i64 of(const Index* line) {
    return clamped_index<SIZE>(*line) * STRIDE + IndexedOffset<Rest...>::of(line + 1);
  }
};

}  // namespace movement

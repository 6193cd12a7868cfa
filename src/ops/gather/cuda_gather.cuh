#pragma once

#include "ops/movement/cuda_copy.cuh"
#include "ops/movement/cuda_index.cuh"

namespace gather {

constexpr int kThreads = 256;

/// Rows of INNER elements, COUNT of each of the parts of SIZE rows that x consists of: TOTAL
/// elements, ITEMS of them a thread. Offsets fit an Offset.
template <int BYTES, class Offset, class Index, int ITEMS, i64 SIZE, i64 COUNT, i64 INNER,
          i64 TOTAL>
__device__ __forceinline__ void rows(const void* source, const Index* __restrict__ indices,
                                     void* destination) {
  using T = movement::element_t<BYTES>;
  const T* __restrict__ x = static_cast<const T*>(source);
  T* __restrict__ y = static_cast<T*>(destination);
  T values[ITEMS];
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const i64 wide = (i64{blockIdx.x} * ITEMS + k) * kThreads + threadIdx.x;
    if (wide >= TOTAL) continue;
    const Offset item = static_cast<Offset>(wide);
    const Offset row = item / static_cast<Offset>(INNER);
    const Offset part = row / static_cast<Offset>(COUNT);
    const Offset index = static_cast<Offset>(
        movement::clamped_index<SIZE>(indices[row - part * static_cast<Offset>(COUNT)]));
    const Offset from = part * static_cast<Offset>(SIZE) + index;
    values[k] = x[from * static_cast<Offset>(INNER) + (item - row * static_cast<Offset>(INNER))];
  }
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const i64 item = (i64{blockIdx.x} * ITEMS + k) * kThreads + threadIdx.x;
    if (item < TOTAL) y[item] = values[k];
  }
}

/// One element each; the axes are those of the indices with x's strides, 0 along the indexed one of
/// SIZE elements STRIDE apart.
template <int BYTES, class Offset, class Index, i64 SIZE, i64 STRIDE, i64 TOTAL, class... Axes>
__device__ __forceinline__ void elements(const void* source, const Index* __restrict__ indices,
                                         void* destination) {
  using T = movement::element_t<BYTES>;
  const i64 item = global_thread();
  if (item >= TOTAL) return;
  Offset at = 0, unused = 0;
  movement::Walk<Offset, Axes...>::add(static_cast<Offset>(item), at, unused);
  at += static_cast<Offset>(movement::clamped_index<SIZE>(indices[item]) * STRIDE);
  static_cast<T*>(destination)[item] = static_cast<const T*>(source)[at];
}

/// Slices of INNER elements, each where a line of K indices points within a part of WHOLE elements;
/// COUNT lines a part.
template <int BYTES, class Index, int K, i64 COUNT, i64 WHOLE, i64 INNER, i64 TOTAL,
          class... Dimensions>
__device__ __forceinline__ void slices(const void* source, const Index* __restrict__ indices,
                                       void* destination) {
  using T = movement::element_t<BYTES>;
  const i64 item = global_thread();
  if (item >= TOTAL) return;
  const i64 line = item / INNER;
  const i64 at =
      line / COUNT * WHOLE + movement::IndexedOffset<Dimensions...>::of(indices + line * K);
  static_cast<T*>(destination)[item] = static_cast<const T*>(source)[at + item % INNER];
}

}  // namespace gather

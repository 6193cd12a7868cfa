#pragma once

#include "ops/movement/cuda_copy.cuh"
#include "ops/movement/cuda_index.cuh"

// Updates meet in their order. Without a reduction the last one wins: each line of updates marks
// its target with its number, of which the largest stays (atomic maxima of integers do not depend
// on the order), and then only the winners write. With one, every element has one thread that goes
// through all updates that may meet it, in order.
//
// y starts as x; where the plan gave both the same memory there is nothing to copy.

namespace scatter {

constexpr int kThreads = 256;

template <i64 BYTES>
__device__ __forceinline__ void copy_whole(const unsigned char* x, unsigned char* y) {
  using T = movement::element_t<16>;
  if (x == y) return;
  const i64 step = i64{gridDim.x} * kThreads;
  for (i64 i = global_thread(); i < BYTES / 16; i += step)
    reinterpret_cast<T*>(y)[i] = reinterpret_cast<const T*>(x)[i];
  const i64 rest = BYTES / 16 * 16 + global_thread();
  if (rest < BYTES) y[rest] = x[rest];
}

/// Where lines of updates go, as numbers of slices: K indices a line.
template <int K, class... Dimensions>
struct Slices {
  template <class Index>
  static __device__ __forceinline__ i64 target(const Index* indices, i64 line) {
    return movement::IndexedOffset<Dimensions...>::of(indices + line * K);
  }
};
/// The same for single elements: the axes are those of the updates with x's strides, 0 along the
/// indexed one of SIZE elements STRIDE apart.
template <i64 SIZE, i64 STRIDE, class... Axes>
struct Elements {
  template <class Index>
  static __device__ __forceinline__ i64 target(const Index* indices, i64 line) {
    i64 at = 0, unused = 0;
    movement::Walk<i64, Axes...>::add(line, at, unused);
    return at + movement::clamped_index<SIZE>(indices[line]) * STRIDE;
  }
};

template <class Targets, class Index, i64 LINES>
__device__ __forceinline__ void clear(const Index* indices, int* winners) {
  const i64 line = global_thread();
  if (line < LINES) winners[Targets::target(indices, line)] = -1;
}

template <class Targets, class Index, i64 LINES>
__device__ __forceinline__ void mark(const Index* indices, int* winners) {
  const i64 line = global_thread();
  if (line < LINES) atomicMax(winners + Targets::target(indices, line), static_cast<int>(line));
}

/// Slices of INNER elements.
template <int BYTES, class Targets, class Index, i64 LINES, i64 INNER>
__device__ __forceinline__ void write(const Index* indices, const void* updates, int* winners,
                                      void* y) {
  using T = movement::element_t<BYTES>;
  const i64 item = global_thread();
  if (item >= LINES * INNER) return;
  const i64 line = item / INNER, target = Targets::target(indices, line);
  if (winners[target] != line) return;
  static_cast<T*>(y)[target * INNER + (item - line * INNER)] = static_cast<const T*>(updates)[item];
}

enum class Reduction { add, mul, max, min };

template <Reduction REDUCTION, class T>
struct Reduce {
  static constexpr bool is_integer = static_cast<compute_t<T>>(0.5f) == 0;

  static __device__ __forceinline__ T apply(T a, T b) {
    if constexpr (is_integer) {  // wraps
      if constexpr (REDUCTION == Reduction::add)
        return static_cast<T>(static_cast<u64>(a) + static_cast<u64>(b));
      if constexpr (REDUCTION == Reduction::mul)
        return static_cast<T>(static_cast<u64>(a) * static_cast<u64>(b));
      if constexpr (REDUCTION == Reduction::max) return b > a ? b : a;
      return b < a ? b : a;
    } else {
      const auto x = to_compute(a), y = to_compute(b);
      if constexpr (REDUCTION == Reduction::add) return from_compute<T>(x + y);
      if constexpr (REDUCTION == Reduction::mul) return from_compute<T>(x * y);
      if constexpr (REDUCTION == Reduction::max) return y > x || y != y ? b : a;
      return y < x || y != y ? b : a;
    }
  }
};
template <Reduction REDUCTION>
struct Reduce<REDUCTION, boolean> {
  static __device__ __forceinline__ boolean apply(boolean a, boolean b) {
    const bool x = a.value != 0, y = b.value != 0;
    constexpr bool either = REDUCTION == Reduction::add || REDUCTION == Reduction::max;
    return {static_cast<unsigned char>(either ? x || y : x && y)};
  }
};

/// Thread (owner, element) of OWNERS x INNER: element `element` of all slices whose number leaves
/// `owner` when divided by OWNERS.
template <class T, Reduction REDUCTION, class Targets, class Index, i64 LINES, i64 INNER,
          i64 OWNERS>
__device__ __forceinline__ void reduce_slices(const Index* indices, const T* updates, T* y) {
  const i64 thread = global_thread(), owner = thread / INNER, element = thread % INNER;
  if (owner >= OWNERS) return;
  for (i64 line = 0; line < LINES; ++line) {
    const i64 target = Targets::target(indices, line);
    if (OWNERS > 1 && target % OWNERS != owner) continue;
    T* at = y + target * INNER + element;
    *at = Reduce<REDUCTION, T>::apply(*at, updates[line * INNER + element]);
  }
}

/// Thread (owner, column): all updates of a column, LENGTH of them UPDATE_STRIDE apart, whose index
/// leaves `owner` when divided by OWNERS. The axes are those of the columns, with the strides of x
/// and of the updates.
template <class T, Reduction REDUCTION, class Index, i64 SIZE, i64 STRIDE, i64 LENGTH,
          i64 UPDATE_STRIDE, i64 COLUMNS, i64 OWNERS, class... Axes>
__device__ __forceinline__ void reduce_columns(const Index* indices, const T* updates, T* y) {
  const i64 thread = global_thread(), owner = thread / COLUMNS;
  if (owner >= OWNERS) return;
  i64 base = 0, first = 0;
  movement::Walk<i64, Axes...>::add(thread % COLUMNS, base, first);
  for (i64 i = 0; i < LENGTH; ++i) {
    const i64 update = first + i * UPDATE_STRIDE;
    const i64 index = movement::clamped_index<SIZE>(indices[update]);
    if (OWNERS > 1 && index % OWNERS != owner) continue;
    T* at = y + base + index * STRIDE;
    *at = Reduce<REDUCTION, T>::apply(*at, updates[update]);
  }
}

/// Rows of INNER elements, LENGTH of each part, go to a cache of CAPACITY rows a part from the
/// start on that the batch (PARTS parts) has; `starts` null: 0.
template <int BYTES, class Index, bool CIRCULAR, i64 PARTS, i64 LENGTH, i64 CAPACITY, i64 INNER,
          i64 TOTAL>
__device__ __forceinline__ void into_cache(const void* update, void* y, const Index* starts) {
  using T = movement::element_t<BYTES>;
  const i64 item = global_thread();
  if (item >= TOTAL) return;
  const i64 row = item / INNER, part = row / LENGTH;
  const i64 last = CIRCULAR ? CAPACITY - 1 : CAPACITY - LENGTH;
  i64 start = starts ? static_cast<i64>(starts[part / PARTS]) : 0;
  start = start < 0 ? 0 : start > last ? last : start;
  i64 at = start + (row - part * LENGTH);
  if (at >= CAPACITY) at -= CAPACITY;
  static_cast<T*>(y)[(part * CAPACITY + at) * INNER + (item - row * INNER)] =
      static_cast<const T*>(update)[item];
}
template <int BYTES, class Index, bool CIRCULAR, i64 PARTS, i64 LENGTH, i64 CAPACITY, i64 INNER,
          i64 TOTAL>
__device__ __forceinline__ void into_cache(const void* update, void* y) {
  into_cache<BYTES, Index, CIRCULAR, PARTS, LENGTH, CAPACITY, INNER, TOTAL>(
      update, y, static_cast<const Index*>(nullptr));
}

}  // namespace scatter

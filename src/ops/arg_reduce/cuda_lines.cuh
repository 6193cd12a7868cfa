#pragma once

#include "ops/reduce/cuda_team.cuh"

// Where the largest or smallest element of a line is.

namespace arg_reduce {

/// An element and where it stands, below 0 for none.
template <class V, class Index>
struct Best {
  V value;
  Index at;
};

/// Of two elements the one that counts; not-a-number is before everything. A total order, so that
/// it does not matter which way a line is shared.
template <class V, class Index, bool MINIMUM, bool LAST>
struct Better {
  using State = Best<V, Index>;
  static __device__ __forceinline__ State initial() { return {V(0), static_cast<Index>(-1)}; }
  static __device__ __forceinline__ State combine(State a, State b) {
    if (a.at < 0) return b;
    if (b.at < 0) return a;
    const bool a_none = a.value != a.value, b_none = b.value != b.value;
    if (a_none != b_none) return a_none ? a : b;
    if (!a_none && a.value != b.value)
      return (MINIMUM ? a.value < b.value : a.value > b.value) ? a : b;
    return (LAST ? a.at > b.at : a.at < b.at) ? a : b;
  }
};

/// Elements as they are compared: narrow integers as int, whose states are whole words.
template <class T>
struct Value {
  using type = compute_t<T>;
};
template <>
struct Value<signed char> {
  using type = int;
};
template <>
struct Value<short> {
  using type = int;
};
template <>
struct Value<unsigned char> {
  using type = int;
};
template <>
struct Value<unsigned short> {
  using type = int;
};

/// Lines whose neighbours are INNER elements apart, a team of LANES threads for each.
template <class T, class Index, i64 LINES, i64 LENGTH, i64 INNER, int LANES, int THREADS,
          bool MINIMUM, bool LAST>
__device__ __forceinline__ void lines(const T* __restrict__ x, i64* __restrict__ y) {
  using V = typename Value<T>::type;
  using Op = Better<V, Index, MINIMUM, LAST>;
  const i64 team = static_cast<i64>(blockIdx.x) * (THREADS / LANES) + threadIdx.x / LANES;
  const i64 line = team < LINES ? team : LINES - 1;
  const T* from = x + line / INNER * (LENGTH * INNER) + line % INNER;
  auto best = Op::initial();
#pragma unroll 4
  for (Index k = static_cast<Index>(threadIdx.x % LANES); k < static_cast<Index>(LENGTH);
       k += LANES)
    best = Op::combine(best, {static_cast<V>(to_compute(from[k * static_cast<Index>(INNER)])), k});
  best = reduce::team_reduce<Op, LANES>(best);
  if (team < LINES && threadIdx.x % LANES == 0) y[line] = best.at;
}

}  // namespace arg_reduce

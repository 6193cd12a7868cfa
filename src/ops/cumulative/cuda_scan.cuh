#pragma once

#include "ops/reduce/cuda_team.cuh"

// Sums and products up to each position of a line; integers wrap around.

namespace cumulative {

template <class T>
struct State {
  using type = compute_t<T>;
};
#define DRAWBAR_STATE(T) \
  template <>            \
  struct State<T> {      \
    using type = u64;    \
  }
DRAWBAR_STATE(signed char);
DRAWBAR_STATE(short);
DRAWBAR_STATE(int);
DRAWBAR_STATE(i64);
DRAWBAR_STATE(unsigned char);
DRAWBAR_STATE(unsigned short);
DRAWBAR_STATE(unsigned);
#undef DRAWBAR_STATE

template <class S, bool PRODUCT>
struct Step {
  static __device__ __forceinline__ S initial() { return PRODUCT ? 1 : 0; }
  static __device__ __forceinline__ S combine(S a, S b) { return PRODUCT ? a * b : a + b; }
};

template <class T>
__device__ __forceinline__ T narrowed(typename State<T>::type state) {
  return from_compute<T>(static_cast<compute_t<T>>(state));
}

/// Lines whose neighbours are INNER elements apart, a thread for each.
template <class T, i64 LINES, i64 LENGTH, i64 INNER, int THREADS, bool PRODUCT, bool EXCLUSIVE,
          bool REVERSE>
__device__ __forceinline__ void columns(const T* __restrict__ x, T* __restrict__ y) {
  using S = typename State<T>::type;
  using Op = Step<S, PRODUCT>;
  const i64 line = static_cast<i64>(blockIdx.x) * THREADS + threadIdx.x;
  if (line >= LINES) return;
  const i64 start = line / INNER * (LENGTH * INNER) + line % INNER;
  S state = Op::initial();
#pragma unroll 4
  for (i64 k = 0; k < LENGTH; ++k) {
    const i64 at = start + (REVERSE ? LENGTH - 1 - k : k) * INNER;
    const S next = Op::combine(state, static_cast<S>(to_compute(x[at])));
    y[at] = narrowed<T>(EXCLUSIVE ? state : next);
    state = next;
  }
}

/// Lines of neighbours, a block for each, THREADS elements at a time.
template <class T, i64 LENGTH, int THREADS, bool PRODUCT, bool EXCLUSIVE, bool REVERSE>
__device__ __forceinline__ void rows(const T* __restrict__ x, T* __restrict__ y) {
  using S = typename State<T>::type;
  using Op = Step<S, PRODUCT>;
  constexpr int warps = THREADS / 32;
  __shared__ S totals[warps];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const i64 start = static_cast<i64>(blockIdx.x) * LENGTH;
  S carried = Op::initial();
  for (i64 first = 0; first < LENGTH; first += THREADS) {
    const i64 k = first + threadIdx.x;
    const i64 at = start + (REVERSE ? LENGTH - 1 - k : k);
    S state = k < LENGTH ? static_cast<S>(to_compute(x[at])) : Op::initial();
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
      const S before = __shfl_sync(0xffffffffu, state, lane < distance ? lane : lane - distance);
      if (lane >= distance) state = Op::combine(before, state);
    }
    const S neighbour = __shfl_sync(0xffffffffu, state, lane == 0 ? 0 : lane - 1);
    if (lane == 31) totals[warp] = state;
    __syncthreads();
    S before = carried;
#pragma unroll
    for (int i = 0; i < warps; ++i) {
      if (i < warp) before = Op::combine(before, totals[i]);
      carried = Op::combine(carried, totals[i]);
    }
    if (EXCLUSIVE) state = lane == 0 ? Op::initial() : neighbour;
    if (k < LENGTH) y[at] = narrowed<T>(Op::combine(before, state));
    __syncthreads();
  }
}

}  // namespace cumulative

#pragma once

#include "ops/arg_reduce/cuda_lines.cuh"

namespace softmax {

/// 1 where a line's largest element is, the first of equal ones. Comparisons with not-a-number are
/// false: as a line's first element it stays the largest, elsewhere it never is.
template <class T, i64 LINES, i64 LENGTH, i64 INNER, int LANES, int THREADS>
__device__ __forceinline__ void hardmax(const T* __restrict__ x, T* __restrict__ y) {
  using C = compute_t<T>;
  using Op = arg_reduce::Better<C, i64, false, false>;
  const i64 team = static_cast<i64>(blockIdx.x) * (THREADS / LANES) + threadIdx.x / LANES;
  const i64 line = team < LINES ? team : LINES - 1;
  const i64 start = line / INNER * (LENGTH * INNER) + line % INNER;
  auto best = Op::initial();
#pragma unroll 4
  for (i64 k = threadIdx.x % LANES; k < LENGTH; k += LANES) {
    const C value = to_compute(x[start + k * INNER]);
    const C other = static_cast<C>(k == 0 ? kInfinity : -kInfinity);
    best = Op::combine(best, {value == value ? value : other, k});
  }
  best = reduce::team_reduce<Op, LANES>(best);
  if (team >= LINES) return;
  for (i64 k = threadIdx.x % LANES; k < LENGTH; k += LANES)
    y[start + k * INNER] = from_compute<T>(static_cast<C>(k == best.at ? 1 : 0));
}

}  // namespace softmax

#pragma once

#include "ops/reduce/cuda_team.cuh"

// Batch normalisation. Neighbouring channels are INNER elements apart in memory.

namespace batch_norm {

__device__ __forceinline__ float root(float x) { return ::sqrtf(x); }
__device__ __forceinline__ double root(double x) { return ::sqrt(x); }

/// A thread has WIDTH neighbours in memory of SIZE.
template <class Index, i64 SIZE, i64 CHANNELS, i64 INNER, int WIDTH, int THREADS, unsigned EPSILON,
          class T, class S, class M, class V>
__device__ __forceinline__ void normalise(const T* __restrict__ x, const S* __restrict__ scale,
                                          const S* __restrict__ bias, const M* __restrict__ mean,
                                          const V* __restrict__ variance, T* __restrict__ y) {
  using C = compute_t<T>;
  const i64 item = static_cast<i64>(blockIdx.x) * THREADS + threadIdx.x;
  if (item >= SIZE / WIDTH) return;
  const Index at = static_cast<Index>(item) * WIDTH;
  C values[WIDTH];
  reduce::load<WIDTH>(x + at, values);
  C centre = 0, factor = 0, shift = 0;
#pragma unroll
  for (int k = 0; k < WIDTH; ++k) {
    if (k == 0 || INNER % WIDTH != 0) {
      const Index c = (at + k) / static_cast<Index>(INNER) % static_cast<Index>(CHANNELS);
      centre = static_cast<C>(to_compute(mean[c]));
      factor = static_cast<C>(to_compute(scale[c])) / root(static_cast<C>(to_compute(variance[c])) +
                                                           static_cast<C>(bits_to_float(EPSILON)));
      shift = static_cast<C>(to_compute(bias[c]));
    }
    values[k] = (values[k] - centre) * factor + shift;
  }
  reduce::store<WIDTH>(values, y + at);
}

/// The mean and variance of channel blockIdx.x, to moments[c] and moments[CHANNELS + c], and what
/// they make of the running ones where those are wanted. Images are IMAGE elements apart,
/// positions POSITION.
template <i64 IMAGES, i64 CHANNELS, i64 LENGTH, i64 IMAGE, i64 INNER, i64 POSITION, int THREADS,
          unsigned MOMENTUM, bool MEAN, bool VARIANCE, class T, class M, class V>
__device__ __forceinline__ void train(const T* __restrict__ x, const M* __restrict__ mean,
                                      const V* __restrict__ variance,
                                      compute_t<T>* __restrict__ moments, M* __restrict__ new_mean,
                                      V* __restrict__ new_variance) {
  using C = compute_t<T>;
  constexpr i64 count = IMAGES * LENGTH;
  const i64 c = blockIdx.x;
  C sum = 0, squares = 0;
#pragma unroll 4
  for (i64 k = threadIdx.x; k < count; k += THREADS)
    sum += to_compute(x[k / LENGTH * IMAGE + c * INNER + k % LENGTH * POSITION]);
  const C own_mean = reduce::team_reduce<Sum<C>, THREADS>(sum) / static_cast<C>(count);
#pragma unroll 4
  for (i64 k = threadIdx.x; k < count; k += THREADS) {
    const C difference =
        to_compute(x[k / LENGTH * IMAGE + c * INNER + k % LENGTH * POSITION]) - own_mean;
    squares += difference * difference;
  }
  const C own_variance = reduce::team_reduce<Sum<C>, THREADS>(squares) / static_cast<C>(count);
  if (threadIdx.x != 0) return;
  moments[c] = own_mean;
  moments[CHANNELS + c] = own_variance;
  const C keep = static_cast<C>(bits_to_float(MOMENTUM));
  if constexpr (MEAN)
    new_mean[c] = from_compute<M>(static_cast<compute_t<M>>(
        static_cast<C>(to_compute(mean[c])) * keep + own_mean * (1 - keep)));
  if constexpr (VARIANCE)
    new_variance[c] = from_compute<V>(static_cast<compute_t<V>>(
        static_cast<C>(to_compute(variance[c])) * keep + own_variance * (1 - keep)));
}

}  // namespace batch_norm

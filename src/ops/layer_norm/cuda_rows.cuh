#pragma once

#include "ops/reduce/cuda_team.cuh"

// Normalisation of rows of x. Operands that are absent have another one's pointer.

namespace layer_norm {

/// What a kernel does, as bits of its OPTIONS.
constexpr int kRootMeanSquare = 1, kScale = 2, kBias = 4, kResidual = 8, kMean = 16,
              kInverseDeviation = 32, kSum = 64;

/// A parameter that has an element for each of a row, the same for all rows.
struct Along {
  template <int WIDTH, class C, class P>
  static __device__ __forceinline__ void load(const P* parameter, i64, i64 at, C* to) {
    reduce::load<WIDTH>(parameter + at, to);
  }
};
/// A parameter that broadcasts to x in another way: its offset by the position in x.
template <class Offset>
struct Broadcast {
  template <int WIDTH, class C, class P>
  static __device__ __forceinline__ void load(const P* parameter, i64 row_start, i64 at, C* to) {
#pragma unroll
    for (int k = 0; k < WIDTH; ++k)
      to[k] = static_cast<C>(to_compute(parameter[Offset::of(row_start + at + k)]));
  }
};

__device__ __forceinline__ float inverse_root(float x) { return 1.0f / ::sqrtf(x); }
__device__ __forceinline__ double inverse_root(double x) { return 1.0 / ::sqrt(x); }

/// x, or x + residual.
template <int OPTIONS, int WIDTH, class T>
__device__ __forceinline__ void load_values(const T* x, const T* residual, i64 at,
                                            compute_t<T>* values) {
  reduce::load<WIDTH>(x + at, values);
  if constexpr ((OPTIONS & kResidual) != 0) {
    compute_t<T> more[WIDTH];
    reduce::load<WIDTH>(residual + at, more);
#pragma unroll
    for (int k = 0; k < WIDTH; ++k) values[k] += more[k];
  }
}

/// y of WIDTH values at `at` of a row.
template <int OPTIONS, int WIDTH, class ScaleAt, class BiasAt, class C, class T, class S, class B>
__device__ __forceinline__ void write(C* values, C mean, C inverse, const S* scale, const B* bias,
                                      i64 start, i64 at, T* y) {
#pragma unroll
  for (int k = 0; k < WIDTH; ++k) values[k] = (values[k] - mean) * inverse;
  C parameter[WIDTH];
  if constexpr ((OPTIONS & kScale) != 0) {
    ScaleAt::template load<WIDTH>(scale, start, at, parameter);
#pragma unroll
    for (int k = 0; k < WIDTH; ++k) values[k] *= parameter[k];
  }
  if constexpr ((OPTIONS & kBias) != 0) {
    BiasAt::template load<WIDTH>(bias, start, at, parameter);
#pragma unroll
    for (int k = 0; k < WIDTH; ++k) values[k] += parameter[k];
  }
  reduce::store<WIDTH>(values, y + start + at);
}

template <int OPTIONS, class C, class M>
__device__ __forceinline__ void write_statistics(C mean, C inverse, i64 row, M* means,
                                                 M* inverses) {
  if constexpr ((OPTIONS & kMean) != 0)
    means[row] = from_compute<M>(static_cast<compute_t<M>>(mean));
  if constexpr ((OPTIONS & kInverseDeviation) != 0)
    inverses[row] = from_compute<M>(static_cast<compute_t<M>>(inverse));
}

/// Rows held in the registers of LANES threads each.
template <int OPTIONS, i64 ROWS, int LENGTH, int WIDTH, int LANES, int THREADS, unsigned EPSILON,
          class ScaleAt, class BiasAt, class T, class S, class B, class M>
__device__ __forceinline__ void held(const T* __restrict__ x, const S* __restrict__ scale,
                                     const B* __restrict__ bias, const T* __restrict__ residual,
                                     T* __restrict__ y, M* __restrict__ means,
                                     M* __restrict__ inverses, T* __restrict__ sums) {
  using C = compute_t<T>;
  constexpr int vectors = LENGTH / WIDTH, each = (vectors + LANES - 1) / LANES;
  const int lane = threadIdx.x % LANES;
  const i64 team = static_cast<i64>(blockIdx.x) * (THREADS / LANES) + threadIdx.x / LANES;
  const i64 row = team < ROWS ? team : ROWS - 1, start = row * LENGTH;
  C values[each][WIDTH];
#pragma unroll
  for (int i = 0; i < each; ++i) {
    const int vector = lane + i * LANES;
    if (vector < vectors) {
      load_values<OPTIONS, WIDTH>(x, residual, start + vector * WIDTH, values[i]);
    } else {
#pragma unroll
      for (int k = 0; k < WIDTH; ++k) values[i][k] = 0;
    }
  }
  C mean = 0;
  if constexpr ((OPTIONS & kRootMeanSquare) == 0) {
#pragma unroll
    for (int i = 0; i < each; ++i) {
#pragma unroll
      for (int k = 0; k < WIDTH; ++k) mean += values[i][k];
    }
    mean = reduce::team_reduce<Sum<C>, LANES>(mean) / LENGTH;
  }
  C squares = 0;
#pragma unroll
  for (int i = 0; i < each; ++i) {
    if (lane + i * LANES >= vectors) continue;
#pragma unroll
    for (int k = 0; k < WIDTH; ++k) squares += (values[i][k] - mean) * (values[i][k] - mean);
  }
  squares = reduce::team_reduce<Sum<C>, LANES>(squares);
  const C inverse = inverse_root(squares / LENGTH + static_cast<C>(bits_to_float(EPSILON)));
  if (team >= ROWS) return;
#pragma unroll
  for (int i = 0; i < each; ++i) {
    const int vector = lane + i * LANES;
    if (vector >= vectors) continue;
    if constexpr ((OPTIONS & kSum) != 0)
      reduce::store<WIDTH>(values[i], sums + start + vector * WIDTH);
    write<OPTIONS, WIDTH, ScaleAt, BiasAt>(values[i], mean, inverse, scale, bias, start,
                                           static_cast<i64>(vector) * WIDTH, y);
  }
  if (lane == 0) write_statistics<OPTIONS>(mean, inverse, row, means, inverses);
}

/// Rows of any length, a block for each, which reads it once for the mean, once for the variance
/// and once for y.
template <int OPTIONS, i64 LENGTH, int WIDTH, int THREADS, unsigned EPSILON, class ScaleAt,
          class BiasAt, class T, class S, class B, class M>
__device__ __forceinline__ void any(const T* __restrict__ x, const S* __restrict__ scale,
                                    const B* __restrict__ bias, const T* __restrict__ residual,
                                    T* __restrict__ y, M* __restrict__ means,
                                    M* __restrict__ inverses, T* __restrict__ sums) {
  using C = compute_t<T>;
  const i64 row = blockIdx.x, start = row * LENGTH;
  constexpr i64 step = static_cast<i64>(THREADS) * WIDTH;
  const i64 first = static_cast<i64>(threadIdx.x) * WIDTH;
  C values[WIDTH];
  C mean = 0, squares = 0;
  if constexpr ((OPTIONS & kRootMeanSquare) == 0) {
#pragma unroll 4
    for (i64 at = first; at < LENGTH; at += step) {
      load_values<OPTIONS, WIDTH>(x, residual, start + at, values);
#pragma unroll
      for (int k = 0; k < WIDTH; ++k) mean += values[k];
    }
    mean = reduce::team_reduce<Sum<C>, THREADS>(mean) / LENGTH;
  }
#pragma unroll 4
  for (i64 at = first; at < LENGTH; at += step) {
    load_values<OPTIONS, WIDTH>(x, residual, start + at, values);
#pragma unroll
    for (int k = 0; k < WIDTH; ++k) squares += (values[k] - mean) * (values[k] - mean);
  }
  squares = reduce::team_reduce<Sum<C>, THREADS>(squares);
  const C inverse = inverse_root(squares / LENGTH + static_cast<C>(bits_to_float(EPSILON)));
  for (i64 at = first; at < LENGTH; at += step) {
    load_values<OPTIONS, WIDTH>(x, residual, start + at, values);
    if constexpr ((OPTIONS & kSum) != 0) reduce::store<WIDTH>(values, sums + start + at);
    write<OPTIONS, WIDTH, ScaleAt, BiasAt>(values, mean, inverse, scale, bias, start, at, y);
  }
  if (threadIdx.x == 0) write_statistics<OPTIONS>(mean, inverse, row, means, inverses);
}

}  // namespace layer_norm

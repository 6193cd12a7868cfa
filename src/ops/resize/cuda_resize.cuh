#pragma once

#include "ops/movement/cuda_copy.cuh"

// What generated code (cuda.cc) uses: sums of weighted neighbours, a group of WIDTH of them at
// once.

namespace resize {

constexpr int kThreads = 256;

template <int WIDTH, class T, class C>
__device__ __forceinline__ void add_elements(C (&sum)[WIDTH], C weight, const T* x) {
  const Several<T, WIDTH> values = *reinterpret_cast<const Several<T, WIDTH>*>(x);
#pragma unroll
  for (int i = 0; i < WIDTH; ++i) sum[i] += weight * static_cast<C>(to_compute(values.at[i]));
}

template <int WIDTH, class C>
__device__ __forceinline__ void add_sums(C (&sum)[WIDTH], C weight, const C (&part)[WIDTH]) {
#pragma unroll
  for (int i = 0; i < WIDTH; ++i) sum[i] += weight * part[i];
}

/// Integers saturate and truncate.
template <class T, class C>
__device__ __forceinline__ T stored(C value) {
  if constexpr (static_cast<compute_t<T>>(0.5f) != 0) {
    return from_compute<T>(static_cast<compute_t<T>>(value));
  } else {
    constexpr bool is_signed = static_cast<T>(-1) < static_cast<T>(0);
    constexpr u64 ones = ~0ull >> (64 - 8 * sizeof(T) + (is_signed ? 1 : 0));
    constexpr T high = static_cast<T>(ones), low = is_signed ? static_cast<T>(~ones) : T(0);
    if (!(value > static_cast<C>(low))) return low;
    if (value >= static_cast<C>(high)) return high;
    return static_cast<T>(value);
  }
}

template <int WIDTH, class T, class C>
__device__ __forceinline__ void store(T* y, const C (&sum)[WIDTH]) {
  Several<T, WIDTH> result;
#pragma unroll
  for (int i = 0; i < WIDTH; ++i) result.at[i] = stored<T>(sum[i]);
  *reinterpret_cast<Several<T, WIDTH>*>(y) = result;
}

template <int WIDTH, class T>
__device__ __forceinline__ void copy(T* y, const T* x) {
  *reinterpret_cast<Several<T, WIDTH>*>(y) = *reinterpret_cast<const Several<T, WIDTH>*>(x);
}

template <int WIDTH, class T>
__device__ __forceinline__ void fill(T* y, T value) {
  Several<T, WIDTH> result;
#pragma unroll
  for (int i = 0; i < WIDTH; ++i) result.at[i] = value;
  *reinterpret_cast<Several<T, WIDTH>*>(y) = result;
}

}  // namespace resize

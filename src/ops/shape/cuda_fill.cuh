#pragma once

#include "ops/cast/cuda_convert.cuh"

namespace shape {

template <class T, i64 SIZE>
__device__ __forceinline__ void range(const T* start, const T* delta, T* y) {
  const i64 i = global_thread();
  if (i >= SIZE) return;
  if constexpr (static_cast<compute_t<T>>(0.5f) != 0) {
    const double first = static_cast<double>(to_compute(*start));
    const double step = static_cast<double>(to_compute(*delta));
    y[i] = from_compute<T>(static_cast<compute_t<T>>(first + static_cast<double>(i) * step));
  } else {  // wraps
    y[i] =
        static_cast<T>(static_cast<u64>(*start) + static_cast<u64>(i) * static_cast<u64>(*delta));
  }
}

/// Ones on diagonal K.
template <class T, i64 COLUMNS, i64 K, i64 SIZE>
__device__ __forceinline__ void eye(T* y) {
  const i64 i = global_thread();
  if (i < SIZE) y[i] = cast::convert<T>(i % COLUMNS - i / COLUMNS == K ? 1 : 0);
}

}  // namespace shape

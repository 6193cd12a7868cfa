#pragma once

// Local response normalisation: a thread for each element. Neighbouring channels are INNER elements
// apart in memory.

namespace lrn {

__device__ __forceinline__ float root(float x) { return ::sqrtf(x); }
__device__ __forceinline__ double root(double x) { return ::sqrt(x); }
__device__ __forceinline__ float power(float x, float y) { return ::powf(x, y); }
__device__ __forceinline__ double power(double x, double y) { return ::pow(x, y); }

template <class T, class Index, i64 SIZE, i64 CHANNELS, i64 INNER, i64 WINDOW, int THREADS,
          unsigned ALPHA, unsigned BETA, unsigned BIAS>
__device__ __forceinline__ void normalise(const T* __restrict__ x, T* __restrict__ y) {
  using C = compute_t<T>;
  constexpr Index channels = static_cast<Index>(CHANNELS), inner = static_cast<Index>(INNER);
  // Windows that reach over all channels need not be known exactly.
  constexpr Index window = static_cast<Index>(WINDOW < 2 * CHANNELS ? WINDOW : 2 * CHANNELS);
  constexpr Index before = (window - 1) / 2, after = window - 1 - before;
  const i64 item = static_cast<i64>(blockIdx.x) * THREADS + threadIdx.x;
  if (item >= SIZE) return;
  const Index at = static_cast<Index>(item), c = at / inner % channels;
  const Index first = c > before ? c - before : 0;
  const Index last = c + after < channels ? c + after : channels - 1;
  C sum = 0;
#pragma unroll 5
  for (Index k = first; k <= last; ++k) {
    const C value = to_compute(x[at + (k - c) * inner]);
    sum += value * value;
  }
  const C beta = static_cast<C>(bits_to_float(BETA));
  const C base = static_cast<C>(bits_to_float(BIAS)) +
                 static_cast<C>(bits_to_float(ALPHA)) / static_cast<C>(WINDOW) * sum;
  const C value = to_compute(x[at]);
  constexpr unsigned three_quarters = 0x3f400000u;
  if constexpr (BETA == three_quarters) {
    const C square_root = root(base);
    y[at] = from_compute<T>(value / (square_root * root(square_root)));
  } else {
    y[at] = from_compute<T>(value * power(base, -beta));
  }
}

}  // namespace lrn

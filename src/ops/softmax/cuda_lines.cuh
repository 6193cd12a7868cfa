#pragma once

#include "ops/reduce/cuda_team.cuh"

// Softmax along lines: the sum of exp(x - largest) divides, or its logarithm is taken off (LOG).
// Masked elements are -infinity; a line of nothing else gives not-a-number, as its sum is 0.

namespace softmax {

template <class T>
struct Numbers {
  static __device__ __forceinline__ float exp(float x) { return ::exp2f(x * 1.44269504f); }
  static __device__ __forceinline__ float log(float x) { return ::logf(x); }
};
template <>
struct Numbers<float> {
  static __device__ __forceinline__ float exp(float x) { return ::expf(x); }
  static __device__ __forceinline__ float log(float x) { return ::logf(x); }
};
template <>
struct Numbers<double> {
  static __device__ __forceinline__ double exp(double x) { return ::exp(x); }
  static __device__ __forceinline__ double log(double x) { return ::log(x); }
};

/// A line's largest element so far and its sum of exp(x - largest); 0 while there is only
/// -infinity.
template <class T>
struct Online {
  using C = compute_t<T>;
  C largest, sum;
  static __device__ __forceinline__ Online initial() { return {static_cast<C>(-kInfinity), 0}; }
  static __device__ __forceinline__ C base(C largest) {
    return largest == static_cast<C>(-kInfinity) ? 0 : largest;
  }
  static __device__ __forceinline__ Online combine(Online a, Online b) {
    const C largest = Largest<C>::combine(a.largest, b.largest), from = base(largest);
    return {largest,
            a.sum * Numbers<T>::exp(a.largest - from) + b.sum * Numbers<T>::exp(b.largest - from)};
  }
  template <int N>
  __device__ __forceinline__ void add(const C* values) {
    C most = largest;
#pragma unroll
    for (int i = 0; i < N; ++i) most = Largest<C>::combine(most, values[i]);
    const C from = base(most);
    sum *= Numbers<T>::exp(largest - from);
#pragma unroll
    for (int i = 0; i < N; ++i) sum += Numbers<T>::exp(values[i] - from);
    largest = most;
  }
};

/// What turns x into y once the line's largest element and sum are known.
template <class T, bool LOG>
struct Finish {
  using C = compute_t<T>;
  C largest, last;  // 1 / sum, or its logarithm
  __device__ __forceinline__ Finish(C most, C sum)
      : largest(most), last(LOG ? Numbers<T>::log(sum) : 1 / sum) {}
  __device__ __forceinline__ C of(C x) const {
    return LOG ? x - largest - last : Numbers<T>::exp(x - largest) * last;
  }
};

/// Lines of neighbours in memory, each held in the registers of LANES threads.
template <class T, i64 LINES, int LENGTH, int WIDTH, int LANES, int THREADS, bool LOG>
__device__ __forceinline__ void held_rows(const T* __restrict__ x, T* __restrict__ y) {
  using C = compute_t<T>;
  constexpr int vectors = LENGTH / WIDTH, each = (vectors + LANES - 1) / LANES;
  const int lane = threadIdx.x % LANES;
  const i64 team = static_cast<i64>(blockIdx.x) * (THREADS / LANES) + threadIdx.x / LANES;
  const i64 start = (team < LINES ? team : LINES - 1) * LENGTH;
  C values[each][WIDTH];
#pragma unroll
  for (int i = 0; i < each; ++i) {
    const int vector = lane + i * LANES;
    if (vector < vectors) {
      reduce::load<WIDTH>(x + start + vector * WIDTH, values[i]);
    } else {
#pragma unroll
      for (int k = 0; k < WIDTH; ++k) values[i][k] = static_cast<C>(-kInfinity);
    }
  }
  C largest = static_cast<C>(-kInfinity);
#pragma unroll
  for (int i = 0; i < each; ++i) {
#pragma unroll
    for (int k = 0; k < WIDTH; ++k) largest = Largest<C>::combine(largest, values[i][k]);
  }
  largest = reduce::team_reduce<Largest<C>, LANES>(largest);
  C sum = 0;
#pragma unroll
  for (int i = 0; i < each; ++i) {
#pragma unroll
    for (int k = 0; k < WIDTH; ++k) {
      const C power = Numbers<T>::exp(values[i][k] - largest);
      sum += power;
      values[i][k] = LOG ? values[i][k] - largest : power;
    }
  }
  sum = reduce::team_reduce<Sum<C>, LANES>(sum);
  const C last = LOG ? Numbers<T>::log(sum) : 1 / sum;
  if (team >= LINES) return;
#pragma unroll
  for (int i = 0; i < each; ++i) {
    const int vector = lane + i * LANES;
    if (vector >= vectors) continue;
#pragma unroll
    for (int k = 0; k < WIDTH; ++k) values[i][k] = LOG ? values[i][k] - last : values[i][k] * last;
    reduce::store<WIDTH>(values[i], y + start + vector * WIDTH);
  }
}

/// Lines of neighbours of any length, a block for each, which reads it twice.
template <class T, i64 LENGTH, int WIDTH, int THREADS, bool LOG>
__device__ __forceinline__ void long_rows(const T* __restrict__ x, T* __restrict__ y) {
  using C = compute_t<T>;
  constexpr i64 vectors = LENGTH / WIDTH;
  const i64 start = static_cast<i64>(blockIdx.x) * LENGTH;
  Online<T> line = Online<T>::initial();
#pragma unroll 4
  for (i64 vector = threadIdx.x; vector < vectors; vector += THREADS) {
    C values[WIDTH];
    reduce::load<WIDTH>(x + start + vector * WIDTH, values);
    line.template add<WIDTH>(values);
  }
  line = reduce::team_reduce<Online<T>, THREADS>(line);
  const Finish<T, LOG> finish(line.largest, line.sum);
#pragma unroll 4
  for (i64 vector = threadIdx.x; vector < vectors; vector += THREADS) {
    C values[WIDTH];
    reduce::load<WIDTH>(x + start + vector * WIDTH, values);
#pragma unroll
    for (int k = 0; k < WIDTH; ++k) values[k] = finish.of(values[k]);
    reduce::store<WIDTH>(values, y + start + vector * WIDTH);
  }
}

/// Of a long line that PIECES blocks share: what each has seen, to states[line][piece].
template <class T, i64 LENGTH, int WIDTH, int PIECES, int THREADS>
__device__ __forceinline__ void pieces(const T* __restrict__ x, void* states) {
  constexpr i64 vectors = LENGTH / WIDTH, each = (vectors + PIECES - 1) / PIECES;
  const i64 start = blockIdx.x / PIECES * LENGTH, first = blockIdx.x % PIECES * each;
  const i64 last = first + each < vectors ? first + each : vectors;
  Online<T> line = Online<T>::initial();
#pragma unroll 4
  for (i64 vector = first + threadIdx.x; vector < last; vector += THREADS) {
    compute_t<T> values[WIDTH];
    reduce::load<WIDTH>(x + start + vector * WIDTH, values);
    line.template add<WIDTH>(values);
  }
  line = reduce::team_reduce<Online<T>, THREADS>(line);
  if (threadIdx.x == 0) static_cast<Online<T>*>(states)[blockIdx.x] = line;
}

/// y of the same pieces.
template <class T, i64 LENGTH, int WIDTH, int PIECES, int THREADS, bool LOG>
__device__ __forceinline__ void finish_pieces(const T* __restrict__ x, const void* states,
                                              T* __restrict__ y) {
  constexpr i64 vectors = LENGTH / WIDTH, each = (vectors + PIECES - 1) / PIECES;
  const i64 number = blockIdx.x / PIECES, start = number * LENGTH;
  const i64 first = blockIdx.x % PIECES * each;
  const i64 last = first + each < vectors ? first + each : vectors;
  Online<T> line = Online<T>::initial();
  for (int i = threadIdx.x; i < PIECES; i += THREADS)
    line = Online<T>::combine(line, static_cast<const Online<T>*>(states)[number * PIECES + i]);
  line = reduce::team_reduce<Online<T>, THREADS>(line);
  const Finish<T, LOG> finish(line.largest, line.sum);
#pragma unroll 4
  for (i64 vector = first + threadIdx.x; vector < last; vector += THREADS) {
    compute_t<T> values[WIDTH];
    reduce::load<WIDTH>(x + start + vector * WIDTH, values);
#pragma unroll
    for (int k = 0; k < WIDTH; ++k) values[k] = finish.of(values[k]);
    reduce::store<WIDTH>(values, y + start + vector * WIDTH);
  }
}

/// Lines whose neighbours are INNER elements apart: X threads for neighbouring lines, and Y that
/// share each one.
template <class T, i64 LINES, i64 LENGTH, i64 INNER, int X, int Y, bool LOG>
__device__ __forceinline__ void columns(const T* __restrict__ x, T* __restrict__ y) {
  using C = compute_t<T>;
  const int column = threadIdx.x % X, share = threadIdx.x / X;
  const i64 own = static_cast<i64>(blockIdx.x) * X + column;
  const i64 number = own < LINES ? own : LINES - 1;
  const i64 start = number / INNER * (LENGTH * INNER) + number % INNER;
  Online<T> line = Online<T>::initial();
#pragma unroll 4
  for (i64 k = share; k < LENGTH; k += Y) {
    const C value = to_compute(x[start + k * INNER]);
    line.template add<1>(&value);
  }
  if constexpr (Y > 1) {
    __shared__ Online<T> partial[Y][X];
    partial[share][column] = line;
    __syncthreads();
    line = partial[0][column];
#pragma unroll
    for (int i = 1; i < Y; ++i) line = Online<T>::combine(line, partial[i][column]);
  }
  if (own >= LINES) return;
  const Finish<T, LOG> finish(line.largest, line.sum);
#pragma unroll 4
  for (i64 k = share; k < LENGTH; k += Y)
    y[start + k * INNER] = from_compute<T>(finish.of(to_compute(x[start + k * INNER])));
}

/// As `columns`, of short lines that a thread holds.
template <class T, i64 LINES, int LENGTH, i64 INNER, int WIDTH, int THREADS, bool LOG>
__device__ __forceinline__ void held_columns(const T* __restrict__ x, T* __restrict__ y) {
  using C = compute_t<T>;
  const i64 number = (static_cast<i64>(blockIdx.x) * THREADS + threadIdx.x) * WIDTH;
  if (number >= LINES) return;
  const i64 start = number / INNER * (LENGTH * INNER) + number % INNER;
  C values[LENGTH][WIDTH];
#pragma unroll
  for (int k = 0; k < LENGTH; ++k) reduce::load<WIDTH>(x + start + k * INNER, values[k]);
#pragma unroll
  for (int i = 0; i < WIDTH; ++i) {
    C largest = static_cast<C>(-kInfinity), sum = 0;
#pragma unroll
    for (int k = 0; k < LENGTH; ++k) largest = Largest<C>::combine(largest, values[k][i]);
#pragma unroll
    for (int k = 0; k < LENGTH; ++k) {
      const C power = Numbers<T>::exp(values[k][i] - largest);
      sum += power;
      values[k][i] = LOG ? values[k][i] - largest : power;
    }
    const C last = LOG ? Numbers<T>::log(sum) : 1 / sum;
#pragma unroll
    for (int k = 0; k < LENGTH; ++k) values[k][i] = LOG ? values[k][i] - last : values[k][i] * last;
  }
#pragma unroll
  for (int k = 0; k < LENGTH; ++k) reduce::store<WIDTH>(values[k], y + start + k * INNER);
}

}  // namespace softmax

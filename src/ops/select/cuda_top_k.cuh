#pragma once

#include "targets/cuda/code/bitonic_sort.cuh"

// The best elements of lines. An element's key orders it: the better value has the greater key, of
// equal ones the lower index. Not-a-number counts as the largest, minus zero as zero.

namespace top_k {

constexpr int kThreads = 256;

template <class T>
constexpr bool is_real = static_cast<compute_t<T>>(0.5f) != 0;

/// The value as a number of as many bits that orders as it does; of 32 bits at least.
template <class T, bool LARGEST>
__device__ __forceinline__ auto ordered(T value) {
  if constexpr (sizeof(T) == 8) {
    constexpr u64 sign = 1ull << 63;
    u64 result;
    if constexpr (is_real<T>) {
      union {
        double value;
        u64 bits;
      } number;
      number.value = value + 0.0;
      result = number.bits & sign ? ~number.bits : number.bits | sign;
      if (value != value) result = ~0ull;
    } else {
      constexpr bool is_signed = static_cast<T>(-1) < static_cast<T>(0);
      result = is_signed ? static_cast<u64>(value) ^ sign : static_cast<u64>(value);
    }
    return LARGEST ? result : ~result;
  } else {
    unsigned result;
    if constexpr (is_real<T>) {
      const float number = to_compute(value) + 0.0f;
      const unsigned bits = float_to_bits(number);
      result = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
      if (number != number) result = 0xffffffffu;
    } else {
      constexpr bool is_signed = static_cast<T>(-1) < static_cast<T>(0);
      result = static_cast<unsigned>(value) ^ (is_signed ? 0x80000000u : 0u);
    }
    return LARGEST ? result : ~result;
  }
}

/// What one line is: element n of line (o, i) of x lies at (o * SIZE + n) * INNER + i, result n of
/// y at (o * K + n) * INNER + i.
template <class T, bool LARGEST, i64 SIZE, i64 INNER, i64 K>
struct Lines {
  using type = T;
  static constexpr bool largest = LARGEST;
  static constexpr i64 size = SIZE, k = K;
  static __device__ __forceinline__ i64 from(i64 line, i64 n) {
    return (line / INNER * SIZE + n) * INNER + line % INNER;
  }
  static __device__ __forceinline__ i64 to(i64 line, i64 n) {
    return (line / INNER * K + n) * INNER + line % INNER;
  }
};

__device__ __forceinline__ i64 index_of(u64 key) {
  return static_cast<i64>(0xffffffffu - static_cast<unsigned>(key));
}

/// One round: BLOCKS blocks a line sort CHUNK of its COUNT candidates each (elements of x in the
/// FIRST round, else keys) and keep their K best, as keys or, where one block is left, as results.
template <class Lines, int CHUNK, bool FIRST, i64 COUNT, i64 BLOCKS>
__device__ __forceinline__ void round(const typename Lines::type* x, const u64* candidates,
                                      u64* kept, typename Lines::type* values, i64* indices) {
  __shared__ u64 keys[CHUNK];
  const i64 line = blockIdx.x / BLOCKS, block = blockIdx.x % BLOCKS;
  for (int i = static_cast<int>(threadIdx.x); i < CHUNK; i += kThreads) {
    const i64 n = block * CHUNK + i;
    u64 key = 0;
    if (n < COUNT) {
      if constexpr (FIRST) {
        const unsigned value =
            ordered<typename Lines::type, Lines::largest>(x[Lines::from(line, n)]);
        key = u64{value} << 32 | (0xffffffffu - static_cast<unsigned>(n));
      } else {
        key = candidates[line * COUNT + n];
      }
    }
    keys[i] = key;
  }
  bitonic_sort<CHUNK, kThreads>(keys);
  for (i64 n = threadIdx.x; n < Lines::k; n += kThreads) {
    const u64 key = n < CHUNK ? keys[n] : 0;
    if constexpr (BLOCKS > 1) {
      kept[blockIdx.x * Lines::k + n] = key;
    } else {
      const i64 to = Lines::to(line, n), index = index_of(key);
      values[to] = x[Lines::from(line, index)];
      indices[to] = index;
    }
  }
}

/// For any K: an element's place is the number of better ones, which each thread counts for its
/// own. BLOCKS blocks a line.
template <class Lines, i64 BLOCKS>
__device__ __forceinline__ void count(const typename Lines::type* x, typename Lines::type* values,
                                      i64* indices) {
  using Key = decltype(ordered<typename Lines::type, Lines::largest>(typename Lines::type{}));
  __shared__ Key tile[kThreads];
  const i64 line = blockIdx.x / BLOCKS;
  const i64 own = blockIdx.x % BLOCKS * kThreads + threadIdx.x;
  const auto key_at = [&](i64 n) {
    return n < Lines::size ? ordered<typename Lines::type, Lines::largest>(x[Lines::from(line, n)])
                           : Key(0);
  };
  const Key key = key_at(own);
  i64 better = 0;
  for (i64 first = 0; first < Lines::size; first += kThreads) {
    __syncthreads();
    tile[threadIdx.x] = key_at(first + threadIdx.x);
    __syncthreads();
    for (int i = 0; i < kThreads; ++i) {
      const i64 n = first + i;
      better += tile[i] > key || (tile[i] == key && n < own);
    }
  }
  if (own >= Lines::size || better >= Lines::k) return;
  const i64 to = Lines::to(line, better);
  values[to] = x[Lines::from(line, own)];
  indices[to] = own;
}

}  // namespace top_k

#pragma once

// What kernels that fold lines of elements share: loads of several elements as they are computed
// with, and folds over the threads that work on one line together.

namespace reduce {

/// WIDTH neighbours, in loads of at most 16 bytes; `from` is aligned to those.
template <int WIDTH, class C, class T>
__device__ __forceinline__ void load(const T* from, C* to) {
  constexpr int piece = sizeof(T) * WIDTH <= 16 ? WIDTH : static_cast<int>(16 / sizeof(T));
#pragma unroll
  for (int i = 0; i < WIDTH; i += piece) {
    const auto values = *reinterpret_cast<const Several<T, piece>*>(from + i);
#pragma unroll
    for (int k = 0; k < piece; ++k) to[i + k] = static_cast<C>(to_compute(values.at[k]));
  }
}

/// Stores neighbours with one instruction. The compiler takes structures apart and does not always
/// put the pieces together again, so that 16 bytes are named as such.
template <class T, int N>
__device__ __forceinline__ void store_words(const Several<T, N>& values, T* to) {
#ifndef DRAWBAR_EMULATED
  if constexpr (sizeof(T) * N == 16) {
    union Words {
      Several<T, N> values;
      unsigned at[4];
      __device__ Words() {}
    };
    Words words;
    words.values = values;
    asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(__cvta_generic_to_global(to)),
                 "r"(words.at[0]), "r"(words.at[1]), "r"(words.at[2]), "r"(words.at[3]));
    return;
  }
#endif
  *reinterpret_cast<Several<T, N>*>(to) = values;
}

template <int WIDTH, class C, class T>
__device__ __forceinline__ void store(const C* from, T* to) {
  constexpr int piece = sizeof(T) * WIDTH <= 16 ? WIDTH : static_cast<int>(16 / sizeof(T));
#pragma unroll
  for (int i = 0; i < WIDTH; i += piece) {
    Several<T, piece> values;
#pragma unroll
    for (int k = 0; k < piece; ++k)
      values.at[k] = from_compute<T>(static_cast<compute_t<T>>(from[i + k]));
    store_words(values, to + i);
  }
}

/// A value of some words from the thread whose lane differs by `lanes`.
template <class A>
__device__ __forceinline__ A shuffle_xor(A value, int lanes) {
  static_assert(sizeof(A) % 4 == 0, "whole words");
  union Words {
    A value;
    unsigned at[sizeof(A) / 4];
    __device__ Words() {}
  };
  Words words;
  words.value = value;
#pragma unroll
  for (unsigned i = 0; i < sizeof(A) / 4; ++i)
    words.at[i] = __shfl_xor_sync(0xffffffffu, words.at[i], lanes);
  return words.value;
}

/// Op::combine over a team of LANES neighbouring threads, a power of two: part of a warp, or the
/// whole block. Every thread of the block calls it and gets its team's result.
template <class Op, int LANES, class A>
__device__ __forceinline__ A team_reduce(A value) {
  constexpr int in_warp = LANES < 32 ? LANES : 32;
#pragma unroll
  for (int lanes = in_warp / 2; lanes > 0; lanes /= 2)
    value = Op::combine(value, shuffle_xor(value, lanes));
  if constexpr (LANES > 32) {
    constexpr int warps = LANES / 32;
    __shared__ A partial[warps];
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
    __syncthreads();
    value = partial[0];
#pragma unroll
    for (int i = 1; i < warps; ++i) value = Op::combine(value, partial[i]);
    __syncthreads();
  }
  return value;
}

/// One of the loops that an offset is counted over: its size, and the elements between neighbours.
template <i64 SIZE, i64 STRIDE>
struct Loop {};

/// The offset of a position counted over loops, the first one innermost.
template <class... Loops>
struct Offset {
  template <class Index>
  static __device__ __forceinline__ Index of(Index) {
    return 0;
  }
};
template <i64 SIZE, i64 STRIDE, class... Rest>
struct Offset<Loop<SIZE, STRIDE>, Rest...> {
  template <class Index>
  static __device__ __forceinline__ Index of(Index position) {
    if constexpr (sizeof...(Rest) == 0) {
      return position * static_cast<Index>(STRIDE);
    } else {
      const Index next = position / static_cast<Index>(SIZE);
      return (position - next * static_cast<Index>(SIZE)) * static_cast<Index>(STRIDE) +
             Offset<Rest...>::of(next);
    }
  }
};

}  // namespace reduce

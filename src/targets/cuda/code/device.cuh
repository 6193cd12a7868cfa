#pragma once

// What all device code builds on: element types, loads of several elements, reductions over a
// block. Compiled by NVRTC and nvcc for GPUs and, with DRAWBAR_EMULATED, by the host's compiler; so
// it includes nothing of CUDA's headers.

#ifdef DRAWBAR_EMULATED
#include "targets/cuda/code/emulation.cuh"
#define kInfinity __builtin_huge_valf()
#else
#define kInfinity __int_as_float(0x7f800000)
#define DRAWBAR_KERNEL(NAME, THREADS, PARAMETERS, ...) \
  extern "C" __global__ void __launch_bounds__(THREADS) NAME PARAMETERS { __VA_ARGS__; }
#endif

using i64 = long long;
using u64 = unsigned long long;

struct f16 {
  unsigned short bits;
};
struct bf16 {
  unsigned short bits;
};
/// Four bits of exponent, three behind the binary point, no infinities: up to 448; 0x7f and 0xff
/// are not-a-number.
struct f8e4m3 {
  unsigned char bits;
};
template <class T>
inline constexpr bool is_f8 = false;
template <>
inline constexpr bool is_f8<f8e4m3> = true;
/// A byte, true unless 0; stored as 0 and 1.
struct boolean {
  unsigned char value;
};

// Numbers as they are computed with: halves and f8 as float, everything else as itself.

template <class T>
struct Compute {
  using type = T;
};
template <>
struct Compute<f16> {
  using type = float;
};
template <>
struct Compute<bf16> {
  using type = float;
};
template <>
struct Compute<f8e4m3> {
  using type = float;
};
template <class T>
using compute_t = typename Compute<T>::type;

#ifndef DRAWBAR_EMULATED
__device__ __forceinline__ float half_to_float(unsigned short bits) {
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(bits));
  return result;
}
__device__ __forceinline__ unsigned short float_to_half(float value) {
  unsigned short result;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result) : "f"(value));
  return result;
}
__device__ __forceinline__ float bits_to_float(unsigned bits) { return __uint_as_float(bits); }
__device__ __forceinline__ unsigned float_to_bits(float value) { return __float_as_uint(value); }
#endif

__device__ __forceinline__ unsigned short float_to_bfloat(float value) {
  const unsigned bits = float_to_bits(value);
  if (value != value) return static_cast<unsigned short>(bits >> 16 | 0x40);
  return static_cast<unsigned short>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

template <class T>
__device__ __forceinline__ compute_t<T> to_compute(T value) {
  return value;
}
__device__ __forceinline__ float to_compute(f16 value) { return half_to_float(value.bits); }
__device__ __forceinline__ float to_compute(bf16 value) {
  return bits_to_float(static_cast<unsigned>(value.bits) << 16);
}
__device__ __forceinline__ float to_compute(f8e4m3 value) {
  const unsigned magnitude = value.bits & 0x7fu;
  const unsigned sign = (value.bits & 0x80u) << 24;
  if (magnitude == 0x7fu) return bits_to_float(sign | 0x7fc00000u);
  if (magnitude < 8)
    return bits_to_float(sign | float_to_bits(static_cast<float>(magnitude) * 0x1p-9f));
  return bits_to_float(sign | (magnitude + ((127u - 7u) << 3)) << 20);
}
/// Rounded to nearest, ties to even; f8 up to its largest number.
template <class T>
__device__ __forceinline__ T from_compute(compute_t<T> value) {
  return value;
}
template <>
__device__ __forceinline__ f16 from_compute<f16>(float value) {
  return {float_to_half(value)};
}
template <>
__device__ __forceinline__ bf16 from_compute<bf16>(float value) {
  return {float_to_bfloat(value)};
}
template <>
__device__ __forceinline__ f8e4m3 from_compute<f8e4m3>(float value) {
  const unsigned bits = float_to_bits(value), magnitude = bits & 0x7fffffffu;
  const auto signed_code = [&](unsigned code) {
    return f8e4m3{static_cast<unsigned char>((bits >> 24 & 0x80u) | code)};
  };
  if (magnitude > 0x7f800000u) return signed_code(0x7fu);
  if (magnitude >= float_to_bits(448.0f)) return signed_code(0x7eu);
  if (magnitude < float_to_bits(0x1p-6f)) {
    // Where 2^14 has its last bit, these have theirs.
    const float shifted = bits_to_float(magnitude) + 0x1p14f;
    return signed_code(float_to_bits(shifted) - float_to_bits(0x1p14f));
  }
  const unsigned rounded = magnitude + 0x7ffffu + (magnitude >> 20 & 1u);
  return signed_code((rounded >> 20) - ((127u - 7u) << 3));
}

/// Any number or condition as a float, and back; what programs over f32 read and write.
template <class T>
__device__ __forceinline__ float as_float(T value) {
  return static_cast<float>(to_compute(value));
}
__device__ __forceinline__ float as_float(boolean value) { return value.value != 0 ? 1.0f : 0.0f; }
template <class T>
__device__ __forceinline__ T of_float(float value) {
  return from_compute<T>(static_cast<compute_t<T>>(value));
}
template <>
__device__ __forceinline__ boolean of_float<boolean>(float value) {
  return {static_cast<unsigned char>(value != 0)};
}

/// N neighbouring elements, aligned to their size or to 16 bytes, which one instruction moves at
/// most.
template <class T, int N>
struct alignas(sizeof(T) * N < 16 ? sizeof(T) * N : 16) Several {
  T at[N];
};

/// This thread among all of a launch along x.
__device__ __forceinline__ i64 global_thread() {
  return static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
}

// Reductions. Every thread of the block calls them, and gets the result.

template <class T>
struct Sum {
  static __device__ __forceinline__ T initial() { return 0; }
  static __device__ __forceinline__ T combine(T a, T b) { return a + b; }
};
template <class T>
struct Largest {
  static __device__ __forceinline__ T initial() { return -kInfinity; }
  /// Not-a-number wins.
  static __device__ __forceinline__ T combine(T a, T b) { return a > b || a != a ? a : b; }
};

template <class Op, class T>
__device__ __forceinline__ T warp_reduce(T value) {
  for (int lane = 16; lane > 0; lane /= 2)
    value = Op::combine(value, __shfl_xor_sync(0xffffffffu, value, lane));
  return value;
}

/// Over the THREADS threads of a block along x, a multiple of 32.
template <class Op, int THREADS, class T>
__device__ __forceinline__ T block_reduce(T value) {
  static_assert(THREADS % 32 == 0 && THREADS <= 1024, "whole warps");
  __shared__ T partial[THREADS / 32];
  value = warp_reduce<Op>(value);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
  __syncthreads();
  T result = Op::initial();
  for (int i = 0; i < THREADS / 32; ++i) result = Op::combine(result, partial[i]);
  __syncthreads();
  return result;
}

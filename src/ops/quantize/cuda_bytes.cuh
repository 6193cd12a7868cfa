#pragma once

// What kernels on quantised tensors share: products of bytes, rounding and saturation.

namespace quantize {

// Products and sums that the compiler does not join: each is rounded.
__device__ __forceinline__ float product(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ float sum(float a, float b) { return __fadd_rn(a, b); }

template <class T>
struct Limits;
template <>
struct Limits<unsigned char> {
  static constexpr int lowest = 0, highest = 255;
};
template <>
struct Limits<signed char> {
  static constexpr int lowest = -128, highest = 127;
};
template <>
struct Limits<unsigned short> {
  static constexpr int lowest = 0, highest = 65535;
};
template <>
struct Limits<short> {
  static constexpr int lowest = -32768, highest = 32767;
};

/// round(value) + zero cut off to T's range, ties to even; not-a-number is the lowest.
template <class T>
__device__ __forceinline__ int saturated(float value, int zero) {
  const float low = static_cast<float>(Limits<T>::lowest - zero);
  const float high = static_cast<float>(Limits<T>::highest - zero);
  return __float2int_rn(fminf(fmaxf(value, low), high)) + zero;
}

/// Quotients by one divisor, rounded as division rounds them: an approximation refined twice
/// (Markstein, "Computation of elementary functions on the IBM RISC System/6000", 1990). What is
/// farther than 2^20 divisors from 0, or no number, is only that far; not-a-number is the lowest.
struct Quotients {
  float divisor, reciprocal, most;
  bool refined;

  __device__ __forceinline__ explicit Quotients(float by)
      : divisor(by),
        reciprocal(1.0f / by),
        most(by * 1048576.0f),
        refined(by > 0x1p-100f && by < 0x1p100f) {}

  __device__ __forceinline__ float operator()(float x) const {
    if (!refined) return x / divisor;
    x = fminf(most, fmaxf(x, -most));
    float q = product(x, reciprocal);
    q = fmaf(fmaf(-q, divisor, x), reciprocal, q);
    return fmaf(fmaf(-q, divisor, x), reciprocal, q);
  }
};

/// sum + Σ a_i · b_i over the four bytes of each, which are A and B: signed or unsigned char.
template <class A, class B>
struct FourProducts;
template <>
struct FourProducts<signed char, signed char> {
  static __device__ __forceinline__ int add(unsigned a, unsigned b, int sum) {
    return __dp4a(static_cast<int>(a), static_cast<int>(b), sum);
  }
};
template <>
struct FourProducts<unsigned char, unsigned char> {
  static __device__ __forceinline__ int add(unsigned a, unsigned b, int sum) {
    return static_cast<int>(__dp4a(a, b, static_cast<unsigned>(sum)));
  }
};
#ifdef DRAWBAR_EMULATED
#define DRAWBAR_MIXED_PRODUCTS(A, B, NAME) return drawbar_dot_four<A, B>(a, b, sum);
#else
#define DRAWBAR_MIXED_PRODUCTS(A, B, NAME)                                        \
  int result;                                                                     \
  asm("dp4a." NAME " %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(sum)); \
  return result;
#endif
template <>
struct FourProducts<unsigned char, signed char> {
  static __device__ __forceinline__ int add(unsigned a, unsigned b, int sum) {
    DRAWBAR_MIXED_PRODUCTS(unsigned char, signed char, "u32.s32")
  }
};
template <>
struct FourProducts<signed char, unsigned char> {
  static __device__ __forceinline__ int add(unsigned a, unsigned b, int sum) {
    DRAWBAR_MIXED_PRODUCTS(signed char, unsigned char, "s32.u32")
  }
};
#undef DRAWBAR_MIXED_PRODUCTS

}  // namespace quantize

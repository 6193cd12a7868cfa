#pragma once

// One element between types, as ops/cast/convert.h does it.

namespace cast {

template <class T>
constexpr bool is_float = false;
template <>
constexpr bool is_float<float> = true;
template <>
constexpr bool is_float<double> = true;

template <class A, class B>
constexpr bool is_same = false;
template <class A>
constexpr bool is_same<A, A> = true;

/// The integer a float truncates to; outside [-2^(width - 1), 2^(width - 1)) the lowest.
template <class F>
__device__ __forceinline__ i64 truncated_to_64(F value) {
  constexpr F above = F(9223372036854775808.0);
  return value >= -above && value < above ? static_cast<i64>(value) : static_cast<i64>(1ull << 63);
}
template <class F>
__device__ __forceinline__ int truncated_to_32(F value) {
  constexpr F above = F(2147483648.0);
  return value >= -above && value < above ? static_cast<int>(value) : static_cast<int>(0x80000000u);
}

/// The nearest float whose last bit tells that digits were lost, so that rounding it once more
/// gives what rounding `value` itself would.
__device__ __forceinline__ float rounded_to_odd(double value) {
  const float near = static_cast<float>(value);
  if (static_cast<double>(near) == value || near - near != 0) return near;
  unsigned bits = float_to_bits(near);
  if (fabs(static_cast<double>(near)) > fabs(value)) --bits;
  return bits_to_float(bits | 1);
}

/// Between numbers that are neither halves nor f8.
template <class To, class From>
struct Number {
  static __device__ __forceinline__ To of(From value) {
    if constexpr (!is_float<From> || is_float<To>) {
      return static_cast<To>(value);
    } else if constexpr (is_same<To, u64>) {
      constexpr From half = From(9223372036854775808.0);
      return value >= half ? static_cast<u64>(truncated_to_64(value - half)) ^ 1ull << 63
                           : static_cast<u64>(truncated_to_64(value));
    } else if constexpr (sizeof(To) == 8 || is_same<To, unsigned>) {
      return static_cast<To>(truncated_to_64(value));
    } else {
      return static_cast<To>(truncated_to_32(value));
    }
  }
};
template <class From>
struct Number<boolean, From> {
  static __device__ __forceinline__ boolean of(From value) {
    return {static_cast<unsigned char>(value != From(0))};
  }
};
template <class From>
struct Number<f16, From> {
  static __device__ __forceinline__ f16 of(From value) {
    if constexpr (is_same<From, double>) return from_compute<f16>(rounded_to_odd(value));
    return from_compute<f16>(static_cast<float>(value));
  }
};
template <class From>
struct Number<bf16, From> {
  static __device__ __forceinline__ bf16 of(From value) {
    if constexpr (is_same<From, double>) return from_compute<bf16>(rounded_to_odd(value));
    return from_compute<bf16>(static_cast<float>(value));
  }
};

template <class From>
struct Number<f8e4m3, From> {
  static __device__ __forceinline__ f8e4m3 of(From value) {
    return from_compute<f8e4m3>(static_cast<float>(value));
  }
};

template <class To, class From>
__device__ __forceinline__ To convert(From value) {
  if constexpr (is_same<From, boolean>) {
    return Number<To, int>::of(value.value != 0);
  } else {
    return Number<To, compute_t<From>>::of(to_compute(value));
  }
}

/// SIZE elements, WIDTH of them a thread.
template <class From, class To, int WIDTH, i64 SIZE>
__device__ __forceinline__ void elements(const From* __restrict__ x, To* __restrict__ y) {
  const i64 first = global_thread() * WIDTH;
  if (first + WIDTH <= SIZE) {
    const Several<From, WIDTH> from = *reinterpret_cast<const Several<From, WIDTH>*>(x + first);
    Several<To, WIDTH> to;
#pragma unroll
    for (int i = 0; i < WIDTH; ++i) to.at[i] = convert<To>(from.at[i]);
    *reinterpret_cast<Several<To, WIDTH>*>(y + first) = to;
  } else {
    for (i64 i = first; i < SIZE; ++i) y[i] = convert<To>(x[i]);
  }
}

}  // namespace cast

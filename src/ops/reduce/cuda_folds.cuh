#pragma once

// The folds of the Reduce family, as they are named in ops/reduce/op.h. Each has a State that
// elements enter (`of` makes one of an element) and that combine in any order.

namespace reduce {

/// What elements of a type are summed in: floats as they are computed with, integers in 64 bits.
template <class T>
struct Accumulator {
  using type = compute_t<T>;
  static constexpr bool real = true;
};
#define DRAWBAR_ACCUMULATOR(T, A)       \
  template <>                           \
  struct Accumulator<T> {               \
    using type = A;                     \
    static constexpr bool real = false; \
  }
DRAWBAR_ACCUMULATOR(signed char, i64);
DRAWBAR_ACCUMULATOR(short, i64);
DRAWBAR_ACCUMULATOR(int, i64);
DRAWBAR_ACCUMULATOR(i64, i64);
DRAWBAR_ACCUMULATOR(unsigned char, u64);
DRAWBAR_ACCUMULATOR(unsigned short, u64);
DRAWBAR_ACCUMULATOR(unsigned, u64);
DRAWBAR_ACCUMULATOR(u64, u64);
DRAWBAR_ACCUMULATOR(boolean, unsigned);
#undef DRAWBAR_ACCUMULATOR
template <class T>
using accumulator_t = typename Accumulator<T>::type;

/// What roots, logarithms and powers of a type are computed in.
template <bool REAL, class A>
struct RealOf {
  using type = A;
};
template <class A>
struct RealOf<false, A> {
  using type = double;
};
template <class T>
using real_t = typename RealOf<Accumulator<T>::real, accumulator_t<T>>::type;

__device__ __forceinline__ float root(float x) { return ::sqrtf(x); }
__device__ __forceinline__ double root(double x) { return ::sqrt(x); }
__device__ __forceinline__ float logarithm(float x) { return ::logf(x); }
__device__ __forceinline__ double logarithm(double x) { return ::log(x); }
__device__ __forceinline__ float exponential(float x) { return ::expf(x); }
__device__ __forceinline__ double exponential(double x) { return ::exp(x); }
__device__ __forceinline__ float power(float x, float y) { return ::powf(x, y); }
__device__ __forceinline__ double power(double x, double y) { return ::pow(x, y); }

/// Integers wrap around.
template <class A>
__device__ __forceinline__ A sum_of(A a, A b) {
  return a + b;
}
template <>
__device__ __forceinline__ i64 sum_of<i64>(i64 a, i64 b) {
  return static_cast<i64>(static_cast<u64>(a) + static_cast<u64>(b));
}
template <class A>
__device__ __forceinline__ A product_of(A a, A b) {
  return a * b;
}
template <>
__device__ __forceinline__ i64 product_of<i64>(i64 a, i64 b) {
  return static_cast<i64>(static_cast<u64>(a) * static_cast<u64>(b));
}
template <class A>
__device__ __forceinline__ A magnitude_of(A a) {
  return a < 0 ? product_of<A>(a, static_cast<A>(-1)) : a;
}
template <>
__device__ __forceinline__ float magnitude_of<float>(float a) {
  return ::fabsf(a);
}
template <>
__device__ __forceinline__ double magnitude_of<double>(double a) {
  return ::fabs(a);
}

template <class T>
__device__ __forceinline__ accumulator_t<T> accumulated(T value) {
  return static_cast<accumulator_t<T>>(to_compute(value));
}
__device__ __forceinline__ unsigned accumulated(boolean value) { return value.value != 0; }
template <class T, class A>
__device__ __forceinline__ T narrowed(A value) {
  if constexpr (Accumulator<T>::real) {
    return from_compute<T>(static_cast<compute_t<T>>(value));
  } else {
    return static_cast<T>(value);
  }
}
template <>
__device__ __forceinline__ boolean narrowed<boolean, unsigned>(unsigned value) {
  return {static_cast<unsigned char>(value != 0)};
}

template <class T>
struct sum {
  using State = accumulator_t<T>;
  static __device__ __forceinline__ State initial() { return 0; }
  static __device__ __forceinline__ State of(State x) { return x; }
  static __device__ __forceinline__ State combine(State a, State b) { return sum_of<State>(a, b); }
  static __device__ __forceinline__ T finish(State a, i64) { return narrowed<T>(a); }
};
template <class T>
struct mean : sum<T> {
  using State = accumulator_t<T>;
  static __device__ __forceinline__ T finish(State a, i64 count) {
    return narrowed<T>(static_cast<State>(a / static_cast<State>(count)));
  }
};
template <class T>
struct log_sum : sum<T> {
  static __device__ __forceinline__ T finish(accumulator_t<T> a, i64) {
    return narrowed<T>(logarithm(static_cast<real_t<T>>(a)));
  }
};
template <class T>
struct l1 : sum<T> {
  using State = accumulator_t<T>;
  static __device__ __forceinline__ State of(State x) { return magnitude_of<State>(x); }
};
template <class T>
struct sum_square : sum<T> {
  using State = accumulator_t<T>;
  static __device__ __forceinline__ State of(State x) { return product_of<State>(x, x); }
};
template <class T>
struct l2 : sum_square<T> {
  static __device__ __forceinline__ T finish(accumulator_t<T> a, i64) {
    return narrowed<T>(root(static_cast<real_t<T>>(a)));
  }
};
template <class T>
struct prod : sum<T> {
  using State = accumulator_t<T>;
  static __device__ __forceinline__ State initial() { return 1; }
  static __device__ __forceinline__ State combine(State a, State b) {
    return product_of<State>(a, b);
  }
};

/// The least number of a type, and the greatest one.
template <class T, bool LEAST>
__device__ __forceinline__ accumulator_t<T> limit() {
  using A = accumulator_t<T>;
  if constexpr (Accumulator<T>::real) {
    return static_cast<A>(LEAST ? -kInfinity : kInfinity);
  } else if constexpr (static_cast<A>(-1) < static_cast<A>(0)) {
    constexpr A greatest = static_cast<A>((u64{1} << (8 * sizeof(T) - 1)) - 1);
    return LEAST ? -greatest - 1 : greatest;
  } else {
    return LEAST ? 0 : static_cast<A>(~u64{0} >> (64 - 8 * sizeof(T)));
  }
}
/// Not-a-number wins.
template <class T>
struct max : sum<T> {
  using State = accumulator_t<T>;
  static __device__ __forceinline__ State initial() { return limit<T, true>(); }
  static __device__ __forceinline__ State combine(State a, State b) {
    return a > b || a != a ? a : b;
  }
};
template <class T>
struct min : sum<T> {
  using State = accumulator_t<T>;
  static __device__ __forceinline__ State initial() { return limit<T, false>(); }
  static __device__ __forceinline__ State combine(State a, State b) {
    return a < b || a != a ? a : b;
  }
};

/// The largest element, and the sum of exp(x - largest).
template <class T>
struct log_sum_exp {
  using Real = real_t<T>;
  struct State {
    Real largest, sum;
  };
  static __device__ __forceinline__ State initial() { return {static_cast<Real>(-kInfinity), 0}; }
  static __device__ __forceinline__ State of(accumulator_t<T> x) {
    return {static_cast<Real>(x), 1};
  }
  static __device__ __forceinline__ State combine(State a, State b) {
    const Real largest = a.largest > b.largest || a.largest != a.largest ? a.largest : b.largest;
    const Real base = largest == static_cast<Real>(-kInfinity) ? 0 : largest;
    return {largest, a.sum * exponential(a.largest - base) + b.sum * exponential(b.largest - base)};
  }
  static __device__ __forceinline__ T finish(State a, i64) {
    const bool infinite = magnitude_of<Real>(a.largest) == static_cast<Real>(kInfinity);
    return narrowed<T>(infinite ? a.largest : a.largest + logarithm(a.sum));
  }
};

/// The P-th root of the sum of |x|^P.
template <class T, int P>
struct norm : sum<T> {
  using State = accumulator_t<T>;
  static __device__ __forceinline__ State of(State x) {
    return power(magnitude_of<State>(x), static_cast<State>(P));
  }
  static __device__ __forceinline__ T finish(State a, i64) {
    return narrowed<T>(power(a, State(1) / static_cast<State>(P)));
  }
};

}  // namespace reduce

#pragma once

// What the expressions of functions.def use, for float and double, and the integer forms of
// integer.h. Device code is generated from that table (cuda_code.cc).

namespace pointwise {

template <class T>
struct Real;
#define DRAWBAR_REAL(T, S)                                                         \
  template <>                                                                      \
  struct Real<T> {                                                                 \
    static __device__ __forceinline__ T fabs(T x) { return ::fabs##S(x); }         \
    static __device__ __forceinline__ T ceil(T x) { return ::ceil##S(x); }         \
    static __device__ __forceinline__ T floor(T x) { return ::floor##S(x); }       \
    static __device__ __forceinline__ T rint(T x) { return ::rint##S(x); }         \
    static __device__ __forceinline__ T sqrt(T x) { return ::sqrt##S(x); }         \
    static __device__ __forceinline__ T exp(T x) { return ::exp##S(x); }           \
    static __device__ __forceinline__ T expm1(T x) { return ::expm1##S(x); }       \
    static __device__ __forceinline__ T log(T x) { return ::log##S(x); }           \
    static __device__ __forceinline__ T log1p(T x) { return ::log1p##S(x); }       \
    static __device__ __forceinline__ T sin(T x) { return ::sin##S(x); }           \
    static __device__ __forceinline__ T cos(T x) { return ::cos##S(x); }           \
    static __device__ __forceinline__ T tan(T x) { return ::tan##S(x); }           \
    static __device__ __forceinline__ T asin(T x) { return ::asin##S(x); }         \
    static __device__ __forceinline__ T acos(T x) { return ::acos##S(x); }         \
    static __device__ __forceinline__ T atan(T x) { return ::atan##S(x); }         \
    static __device__ __forceinline__ T sinh(T x) { return ::sinh##S(x); }         \
    static __device__ __forceinline__ T cosh(T x) { return ::cosh##S(x); }         \
    static __device__ __forceinline__ T tanh(T x) { return ::tanh##S(x); }         \
    static __device__ __forceinline__ T asinh(T x) { return ::asinh##S(x); }       \
    static __device__ __forceinline__ T acosh(T x) { return ::acosh##S(x); }       \
    static __device__ __forceinline__ T atanh(T x) { return ::atanh##S(x); }       \
    static __device__ __forceinline__ T erf(T x) { return ::erf##S(x); }           \
    static __device__ __forceinline__ T pow(T x, T y) { return ::pow##S(x, y); }   \
    static __device__ __forceinline__ T fmod(T x, T y) { return ::fmod##S(x, y); } \
  }
DRAWBAR_REAL(float, f);
DRAWBAR_REAL(double, );
#undef DRAWBAR_REAL

/// The words of the table's expressions.
template <class T>
struct Words {
  using R = Real<T>;

  static __device__ __forceinline__ T abs(T x) { return R::fabs(x); }
  static __device__ __forceinline__ T ceil(T x) { return R::ceil(x); }
  static __device__ __forceinline__ T floor(T x) { return R::floor(x); }
  static __device__ __forceinline__ T round_even(T x) { return R::rint(x); }
  static __device__ __forceinline__ T sqrt(T x) { return R::sqrt(x); }
  static __device__ __forceinline__ T exp(T x) { return R::exp(x); }
  static __device__ __forceinline__ T expm1(T x) { return R::expm1(x); }
  static __device__ __forceinline__ T log(T x) { return R::log(x); }
  static __device__ __forceinline__ T sin(T x) { return R::sin(x); }
  static __device__ __forceinline__ T cos(T x) { return R::cos(x); }
  static __device__ __forceinline__ T tan(T x) { return R::tan(x); }
  static __device__ __forceinline__ T asin(T x) { return R::asin(x); }
  static __device__ __forceinline__ T acos(T x) { return R::acos(x); }
  static __device__ __forceinline__ T atan(T x) { return R::atan(x); }
  static __device__ __forceinline__ T sinh(T x) { return R::sinh(x); }
  static __device__ __forceinline__ T cosh(T x) { return R::cosh(x); }
  static __device__ __forceinline__ T tanh(T x) { return R::tanh(x); }
  static __device__ __forceinline__ T asinh(T x) { return R::asinh(x); }
  static __device__ __forceinline__ T acosh(T x) { return R::acosh(x); }
  static __device__ __forceinline__ T atanh(T x) { return R::atanh(x); }
  static __device__ __forceinline__ T erf(T x) { return R::erf(x); }
  static __device__ __forceinline__ T pow(T x, T y) { return R::pow(x, y); }
  static __device__ __forceinline__ T fmod(T x, T y) { return R::fmod(x, y); }

  static __device__ __forceinline__ T where(bool condition, T yes, T no) {
    return condition ? yes : no;
  }
  static __device__ __forceinline__ T truth(bool condition, T) { return condition ? 1 : 0; }
  static __device__ __forceinline__ T zero(T) { return 0; }
  static __device__ __forceinline__ T one(T) { return 1; }
  static __device__ __forceinline__ T maximum(T x, T y) { return x != x || x > y ? x : y; }
  static __device__ __forceinline__ T minimum(T x, T y) { return x != x || x < y ? x : y; }
  static __device__ __forceinline__ T relu(T x) { return maximum(x, 0); }
  static __device__ __forceinline__ T clip(T x, T low, T high) {
    return minimum(maximum(x, low), high);
  }
  static __device__ __forceinline__ T sigmoid(T x) { return 1 / (1 + exp(-x)); }
  static __device__ __forceinline__ T softplus(T x) {
    return maximum(x, 0) + R::log1p(exp(-abs(x)));
  }
  static __device__ __forceinline__ T mish(T x) { return x * tanh(softplus(x)); }
  static __device__ __forceinline__ T gelu(T x) {
    return T(0.5) * x * (1 + erf(x * T(0.70710678118654752440)));
  }
  static __device__ __forceinline__ T gelu_tanh(T x) {
    return T(0.5) * x * (1 + tanh(T(0.79788456080286535588) * (x + T(0.044715) * x * x * x)));
  }
  static __device__ __forceinline__ T floor_mod(T x, T y) {
    const T rest = fmod(x, y);
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
  }
};

/// Integers: arithmetic wraps, a quotient or remainder by zero is 0.
template <class T>
struct Integers {
  static constexpr bool is_signed = static_cast<T>(-1) < static_cast<T>(0);
  static constexpr int width = 8 * sizeof(T);

  static __device__ T of(u64 value) { return static_cast<T>(value); }
  static __device__ bool is_negative(T x) {
    if constexpr (is_signed) {
      return x < 0;
    } else {
      return false;
    }
  }
  static __device__ T Neg(T x, T = 0) { return of(0 - static_cast<u64>(x)); }
  static __device__ T Abs(T x, T = 0) { return is_negative(x) ? Neg(x) : x; }
  static __device__ T Sign(T x, T = 0) { return of(static_cast<u64>((x > 0) - is_negative(x))); }
  static __device__ T Relu(T x, T = 0) { return is_negative(x) ? T(0) : x; }
  static __device__ T Add(T x, T y) { return of(static_cast<u64>(x) + static_cast<u64>(y)); }
  static __device__ T Sub(T x, T y) { return of(static_cast<u64>(x) - static_cast<u64>(y)); }
  static __device__ T Mul(T x, T y) { return of(static_cast<u64>(x) * static_cast<u64>(y)); }
  static __device__ T Div(T x, T y) {
    if (y == 0) return 0;
    if (is_signed && y == static_cast<T>(-1)) return Neg(x);
    return static_cast<T>(x / y);
  }
  static __device__ T Fmod(T x, T y) {
    if (y == 0 || (is_signed && y == static_cast<T>(-1))) return 0;
    return static_cast<T>(x % y);
  }
  static __device__ T Mod(T x, T y) {
    const T rest = Fmod(x, y);
    return rest != 0 && is_negative(rest) != is_negative(y) ? Add(rest, y) : rest;
  }
  static __device__ T Min(T x, T y) { return x < y ? x : y; }
  static __device__ T Max(T x, T y) { return x > y ? x : y; }
  static __device__ T PRelu(T x, T y) { return is_negative(x) ? Mul(x, y) : x; }
  static __device__ T BitwiseNot(T x, T = 0) { return static_cast<T>(~x); }
  static __device__ T BitwiseAnd(T x, T y) { return static_cast<T>(x & y); }
  static __device__ T BitwiseOr(T x, T y) { return static_cast<T>(x | y); }
  static __device__ T BitwiseXor(T x, T y) { return static_cast<T>(x ^ y); }
  /// By more than there is, or a negative number.
  static __device__ bool shifts_all(T by) {
    return static_cast<u64>(by) >= static_cast<u64>(width);
  }
  static __device__ T BitShiftLeft(T x, T by) {
    return shifts_all(by) ? T(0) : of(static_cast<u64>(x) << by);
  }
  static __device__ T BitShiftRight(T x, T by) {
    if (shifts_all(by)) return is_negative(x) ? static_cast<T>(-1) : T(0);
    return static_cast<T>(x >> by);
  }
  /// Negative exponents give what the real power truncates to.
  static __device__ T Pow(T x, i64 y) {
    if (y < 0) {
      if (x == 1) return 1;
      if (is_signed && x == static_cast<T>(-1)) return static_cast<T>(y % 2 ? -1 : 1);
      return 0;
    }
    T result = 1;
    for (; y > 0; y >>= 1) {
      if (y & 1) result = Mul(result, x);
      x = Mul(x, x);
    }
    return result;
  }
};

}  // namespace pointwise

#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "ops/pointwise/function.h"

namespace drawbar::ops {

/// Integer forms of the pointwise functions, free of undefined behaviour: arithmetic wraps, a
/// quotient or remainder by zero is 0.
namespace integer {

template <std::integral T>
using Unsigned = std::make_unsigned_t<T>;

template <std::integral T>
T add(T x, T y) {
  return static_cast<T>(static_cast<Unsigned<T>>(x) + static_cast<Unsigned<T>>(y));
}
template <std::integral T>
T sub(T x, T y) {
  return static_cast<T>(static_cast<Unsigned<T>>(x) - static_cast<Unsigned<T>>(y));
}
template <std::integral T>
T mul(T x, T y) {  // in 64 bits: u16 would multiply as a signed int
  return static_cast<T>(static_cast<uint64_t>(x) * static_cast<uint64_t>(y));
}
template <std::integral T>
T neg(T x) {
  return sub(T{0}, x);
}
template <std::integral T>
T div(T x, T y) {
  if (y == 0) return 0;
  if (std::is_signed_v<T> && y == static_cast<T>(-1)) return neg(x);
  return static_cast<T>(x / y);
}
template <std::integral T>
T fmod(T x, T y) {
  if (y == 0 || (std::is_signed_v<T> && y == static_cast<T>(-1))) return 0;
  return static_cast<T>(x % y);
}
template <std::integral T>
T mod(T x, T y) {
  const T rest = fmod(x, y);
  return rest != 0 && (rest < 0) != (y < 0) ? static_cast<T>(rest + y) : rest;
}
/// Negative exponents give what the real power truncates to.
template <std::integral T>
T pow(T x, int64_t y) {
  if (y < 0) {
    if (x == 1) return 1;
    if (std::is_signed_v<T> && x == static_cast<T>(-1)) return static_cast<T>(y % 2 ? -1 : 1);
    return 0;
  }
  T result = 1;
  for (; y > 0; y >>= 1) {
    if (y & 1) result = mul(result, x);
    x = mul(x, x);
  }
  return result;
}
/// To the right copies of the sign move in. Shifts out of range leave nothing but those.
template <std::integral T>
T shift(T x, T by, bool left) {
  constexpr int width = 8 * sizeof(T);
  if (by < 0 || static_cast<uint64_t>(by) >= width) return !left && x < 0 ? static_cast<T>(-1) : 0;
  return static_cast<T>(left ? static_cast<T>(static_cast<uint64_t>(x) << by) : x >> by);
}

/// A real number as an integer: truncated, limited to the type's range, not-a-number as 0.
template <std::integral T>
T from_real(double value) {
  if (value != value) return 0;
  if (value <= static_cast<double>(std::numeric_limits<T>::min()))
    return std::numeric_limits<T>::min();
  if (value >= static_cast<double>(std::numeric_limits<T>::max()))
    return std::numeric_limits<T>::max();
  return static_cast<T>(value);
}

}  // namespace integer

/// One element of `numbers` and `bits` functions over integers.
template <std::integral T>
T apply_integer(Function function, T x, T y, float p, float q) {
  switch (function) {
    case Function::Abs:
      return x < 0 ? integer::neg(x) : x;
    case Function::Neg:
      return integer::neg(x);
    case Function::Sign:
      return static_cast<T>((x > 0) - (x < 0));
    case Function::Relu:
      return x < 0 ? T{0} : x;
    case Function::Add:
      return integer::add(x, y);
    case Function::Sub:
      return integer::sub(x, y);
    case Function::Mul:
      return integer::mul(x, y);
    case Function::Div:
      return integer::div(x, y);
    case Function::Min:
      return x < y ? x : y;
    case Function::Max:
      return x > y ? x : y;
    case Function::Mod:
      return integer::mod(x, y);
    case Function::Fmod:
      return integer::fmod(x, y);
    case Function::PRelu:
      return x < 0 ? integer::mul(x, y) : x;
    case Function::BitwiseNot:
      return static_cast<T>(~x);
    case Function::BitwiseAnd:
      return static_cast<T>(x & y);
    case Function::BitwiseOr:
      return static_cast<T>(x | y);
    case Function::BitwiseXor:
      return static_cast<T>(x ^ y);
    case Function::BitShiftLeft:
      return integer::shift(x, y, true);
    case Function::BitShiftRight:
      return integer::shift(x, y, false);
    default:
      return integer::from_real<T>(apply(function, static_cast<double>(x), 0, 0, p, q));
  }
}

/// One comparison, exact in every type.
template <class T>
bool compare(Function function, const T& x, const T& y) {
  switch (function) {
    case Function::Equal:
      return x == y;
    case Function::Greater:
      return x > y;
    case Function::GreaterOrEqual:
      return x >= y;
    case Function::Less:
      return x < y;
    default:
      return x <= y;
  }
}

}  // namespace drawbar::ops

#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "drawbar/element_type.h"

namespace drawbar::ops {

/// A float as an integer, truncated; outside [lowest, highest], and not-a-number, the lowest.
template <class T, class F>
constexpr T truncated(F value) {
  constexpr F low = static_cast<F>(std::numeric_limits<T>::min());
  constexpr F above = -low;  // of a signed type: 2^(width - 1)
  return value >= low && value < above ? static_cast<T>(value) : std::numeric_limits<T>::min();
}

/// The nearest float whose last bit tells that digits were lost, so that rounding it once more
/// gives what rounding `value` itself would.
inline float rounded_to_odd(double value) {
  const auto near = static_cast<float>(value);
  if (static_cast<double>(near) == value || !std::isfinite(near)) return near;
  auto bits = std::bit_cast<uint32_t>(near);
  if (std::fabs(static_cast<double>(near)) > std::fabs(value)) --bits;
  return std::bit_cast<float>(bits | 1);
}

/// One element between types that C++ has (Float16 and BFloat16 included).
template <class To, class From>
To convert(From value) {
  constexpr bool from_half = std::is_class_v<From>;
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (from_half) {
    return convert<To>(static_cast<float>(value));
  } else if constexpr (std::is_class_v<To>) {
    if constexpr (std::is_same_v<From, double>)
      return To(rounded_to_odd(value));
    else
      return To(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, bool>) {
    return value != From{};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if constexpr (std::is_same_v<To, uint64_t>) {
      return value >= From(0x1p63)
                 ? static_cast<To>(truncated<int64_t>(value - From(0x1p63))) ^ (uint64_t{1} << 63)
                 : static_cast<To>(truncated<int64_t>(value));
    } else if constexpr (sizeof(To) == 8 || std::is_same_v<To, uint32_t>) {
      return static_cast<To>(truncated<int64_t>(value));
    } else {
      return static_cast<To>(truncated<int32_t>(value));
    }
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace drawbar::ops

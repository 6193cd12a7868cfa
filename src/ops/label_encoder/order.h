#pragma once

#include <cmath>
#include <type_traits>

namespace drawbar::ops {

/// The order of LabelEncoder's keys: ascending, not-a-number last.
template <class T>
bool key_before(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
  }
  return a < b;
}

/// Calls f with a value of a key's C++ type.
template <class F>
decltype(auto) with_key_type(ElementType type, F&& f) {
  switch (type) {
    case ElementType::string:
      return f(std::string{});
    case ElementType::i64:
      return f(int64_t{});
    case ElementType::i32:
      return f(int32_t{});
    case ElementType::i16:
      return f(int16_t{});
    case ElementType::f32:
      return f(float{});
    case ElementType::f64:
      return f(double{});
    default:
      fail(ErrorCode::unsupported, "keys of {} are not supported", name(type));
  }
}

}  // namespace drawbar::ops

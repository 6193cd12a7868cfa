#pragma once

#include <type_traits>

#include "drawbar/element_type.h"

namespace drawbar::ops {

/// A double-precision result in the element type T: floats round, integers truncate.
template <class T>
T rounded(double value) {
  if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
    return T(static_cast<float>(value));
  } else {
    return static_cast<T>(value);
  }
}

}  // namespace drawbar::ops

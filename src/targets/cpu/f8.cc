#include "targets/cpu/f8.h"

#include <array>

#include "base/small_float.h"

namespace drawbar::cpu {

const float* f8_numbers() {
  static const std::array<float, 256> numbers = [] {
    std::array<float, 256> result;
    for (unsigned code = 0; code < 256; ++code)
      result[code] = decode_small_float(ElementType::f8e4m3fn, code);
    return result;
  }();
  return numbers.data();
}

}  // namespace drawbar::cpu

#include "base/small_float.h"

#include <cmath>
#include <limits>

#include "base/error.h"

namespace drawbar {
namespace {

struct Format {
  int exponent_bits, fraction_bits, bias;
  bool infinities;         // the top exponent holds infinity and NaN, as in IEEE 754
  bool negative_zero_nan;  // the only NaN is the code of -0 (the fnuz formats)
  bool no_nan = false;
};

Format format(ElementType type) {
  switch (type) {
    case ElementType::f8e4m3fn:
      return {4, 3, 7, false, false};
    case ElementType::f8e4m3fnuz:
      return {4, 3, 8, false, true};
    case ElementType::f8e5m2:
      return {5, 2, 15, true, false};
    case ElementType::f8e5m2fnuz:
      return {5, 2, 16, false, true};
    case ElementType::f4e2m1:
      return {2, 1, 1, false, false, true};
    default:
      fail(ErrorCode::internal, "{} is no small float", name(type));
  }
}

}  // namespace

float decode_small_float(ElementType type, unsigned code) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  if (type == ElementType::f8e8m0) {
    return code == 255 ? nan : std::ldexp(1.0f, static_cast<int>(code) - 127);
  }
  const Format f = format(type);
  const unsigned sign_bit = 1u << (f.exponent_bits + f.fraction_bits);
  const unsigned magnitude = code & (sign_bit - 1);
  const unsigned top = sign_bit - 1;
  if (f.negative_zero_nan && code == sign_bit) return nan;
  if (!f.infinities && !f.negative_zero_nan && !f.no_nan && magnitude == top) return nan;
  const int exponent = static_cast<int>(magnitude >> f.fraction_bits);
  const int fraction = static_cast<int>(magnitude & ((1u << f.fraction_bits) - 1));
  float value;
  if (f.infinities && exponent == (1 << f.exponent_bits) - 1) {
    value = fraction ? nan : std::numeric_limits<float>::infinity();
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<float>(fraction), 1 - f.bias - f.fraction_bits);
  } else {
    value = std::ldexp(static_cast<float>(fraction + (1 << f.fraction_bits)),
                       exponent - f.bias - f.fraction_bits);
  }
  return code & sign_bit ? -value : value;
}

unsigned encode_small_float(ElementType type, float value, bool saturate) {
  if (type == ElementType::f8e8m0) {
    if (std::isnan(value) || (std::isinf(value) && !saturate)) return 255;
    const float magnitude = std::fabs(value);
    if (magnitude == 0) return 0;
    if (std::isinf(value)) return 254;
    const int exponent = static_cast<int>(std::lround(std::log2(magnitude)));
    return static_cast<unsigned>(exponent < -127 ? 0 : exponent > 127 ? 254 : exponent + 127);
  }
  const Format f = format(type);
  const unsigned sign_bit = 1u << (f.exponent_bits + f.fraction_bits);
  const unsigned sign = std::signbit(value) ? sign_bit : 0;
  const unsigned top = sign_bit - 1;
  const unsigned infinity_code = ((1u << f.exponent_bits) - 1) << f.fraction_bits;
  const unsigned nan_code = f.negative_zero_nan ? sign_bit : sign | top;
  const unsigned largest = f.infinities                        ? infinity_code - 1
                           : (f.negative_zero_nan || f.no_nan) ? top
                                                               : top - 1;
  if (std::isnan(value)) return f.no_nan ? 0 : nan_code;
  const float magnitude = std::fabs(value);
  const unsigned overflow = saturate || f.no_nan ? sign | largest
                            : f.infinities       ? sign | infinity_code
                                                 : nan_code;
  if (std::isinf(value)) return overflow;
  int exponent = magnitude == 0 ? 1 - f.bias : std::ilogb(magnitude);
  if (exponent < 1 - f.bias) exponent = 1 - f.bias;
  const float scaled = std::ldexp(magnitude, f.fraction_bits - exponent);
  auto rounded = static_cast<int64_t>(std::nearbyint(scaled));
  if (rounded >= (int64_t{2} << f.fraction_bits)) {
    rounded >>= 1;
    ++exponent;
  }
  const int64_t one = int64_t{1} << f.fraction_bits;
  const int64_t code = rounded < one ? rounded : ((exponent + f.bias) * one) + (rounded - one);
  if (code > static_cast<int64_t>(largest)) return overflow;
  if (code == 0 && f.negative_zero_nan) return 0;
  return sign | static_cast<unsigned>(code);
}

}  // namespace drawbar

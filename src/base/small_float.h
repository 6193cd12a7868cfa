#pragma once

#include "drawbar/element_type.h"

namespace drawbar {

/// The 8-bit and 4-bit float formats, by their codes. Source: OCP "8-bit Floating Point" and
/// "Microscaling Formats" specifications, ONNX's notes on float8 casts. Encoding rounds to nearest
/// even and saturates to the largest finite value where `saturate`, else gives infinity or NaN.
float decode_small_float(ElementType type, unsigned code);
unsigned encode_small_float(ElementType type, float value, bool saturate = true);

}  // namespace drawbar

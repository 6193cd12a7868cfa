#pragma once

#include <string_view>

#include "ir/infer.h"

namespace drawbar::ops {

// What operators on quantised tensors ask of their operands, and how they answer.

/// Throws INVALID_MODEL unless input i is u8 or i8.
void check_byte(const Infer& context, size_t i, std::string_view what);
/// Throws INVALID_MODEL unless input i is absent or of that type.
void check_type(const Infer& context, size_t i, ElementType element, std::string_view what);

/// A rounded number cut off to the range of u8 or i8; not-a-number (a scale of 0) is the lowest.
int64_t saturated(float value, ElementType to);

}  // namespace drawbar::ops

#pragma once

#include "ir/constant.h"

namespace drawbar {

/// An f32 constant rounded to f16 or bf16; null where a finite number would become an infinity. One
/// that is described stays so: drawn as halves, its numbers are those rounded.
ConstantPtr rounded_to_half(const Constant& constant, ElementType half);

}  // namespace drawbar

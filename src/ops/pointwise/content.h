#pragma once

#include <optional>

#include "ir/infer.h"
#include "ops/pointwise/function.h"

namespace drawbar::ops {

/// The result's contents as expressions, when the operands' are known and the result `dims` is a
/// scalar or a vector: what carries sizes through the arithmetic on shapes. Exact, also for
/// negative numbers; nothing where a value would leave the element type.
std::optional<Dims> elementwise_content(Function function, const Infer& context, const Dims& dims);

}  // namespace drawbar::ops

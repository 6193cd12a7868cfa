#pragma once

#include "ir/dim.h"

namespace drawbar::ops {

/// How many elements a slice takes of a dimension `size` from `start` to `end` (exclusive), which
/// may be expressions; `step` is not 0. Expressions whose sign is open are taken as positions from
/// the front.
Dim sliced_size(const Dim& size, const Dim& start, const Dim& end, int64_t step);

}  // namespace drawbar::ops

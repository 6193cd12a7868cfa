#pragma once

#include "ops/movement/strided_copy.h"

namespace drawbar::ops {

/// x (of shape x with these strides) expanded to y's shape, which x broadcasts to.
StridedCopy expand_copy(const Shape& x, const Shape& x_strides, const Shape& y,
                        const Shape& y_strides);

/// x laid side by side: y[i] is a multiple of x[i].
StridedCopy tile_copy(const Shape& x, const Shape& x_strides, const Shape& y,
                      const Shape& y_strides);

}  // namespace drawbar::ops

#pragma once

#include "base/tensor.h"

namespace drawbar {

/// The slices of a tensor along one axis, which slice an element (row-major) lies in.
struct Slices {
  int64_t count = 1, inner = 1;  // slices; neighbours within one

  Slices(const Shape& shape, int64_t axis) : count(shape[static_cast<size_t>(axis)]) {
    for (size_t i = static_cast<size_t>(axis) + 1; i < shape.size(); ++i) inner *= shape[i];
  }
  int64_t operator()(int64_t element) const { return element / inner % count; }
};

}  // namespace drawbar

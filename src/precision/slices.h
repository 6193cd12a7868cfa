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

/// Which input channel of a layer an element of its weights is multiplied with. Weights are
/// [M, C / groups, k1…kn], [K, N] or, where their output channels lie along axis 0, [N, K].
struct InputChannels {
  int64_t count;

  InputChannels(const Shape& weights, int64_t output_axis, int64_t groups)
      : count(groups * weights[output_axis == 0 ? 1 : 0]),
        of_group_(weights, output_axis == 0 ? 1 : 0),
        output_(weights, output_axis),
        outputs_(output_.count / groups) {}
  int64_t operator()(int64_t element) const {
    return output_(element) / outputs_ * of_group_.count + of_group_(element);
  }

 private:
  Slices of_group_, output_;
  int64_t outputs_;  // of a group
};

}  // namespace drawbar

#pragma once

#include "ops/integer_conv/op.h"
#include "ops/integer_matmul/cuda_bytes.h"

namespace drawbar::cuda {

/// The product of a convolution with QLinearConv's or ConvInteger's attributes, whose inputs stand
/// as `at` says.
template <class Op>
ByteProduct byte_convolution(const Problem& problem, const Op& op, const ByteInputs& at) {
  ByteProduct p{.problem = problem, .at = at};
  p.window = ops::Window3(ops::convolution_window(op, p.w().shape), p.x().shape);
  p.images = p.x().dim(0);
  p.groups = op.group;
  p.channels = p.x().dim(1) / op.group;
  p.outputs = p.y().dim(1) / op.group;
  p.x_steps = byte_steps(p.x());
  p.y_steps = byte_steps(p.y());
  return p;
}

/// One channel a group: tiles would be nearly empty.
inline bool is_depthwise(const ByteProduct& p) {
  return p.channels == 1 && p.outputs == 1 && p.groups > 1;
}

}  // namespace drawbar::cuda

#pragma once

#include "ops/conv/kernels/planned_conv.h"
#include "ops/integer_conv/op.h"
#include "targets/cpu/byte_product.h"

namespace drawbar::cpu {

/// QLinearConv's inputs.
enum ByteConvInput : size_t { kX, kXScale, kXZero, kW, kWScale, kWZero, kYScale, kYZero, kBias };

inline ConvShape byte_conv_shape(const Problem& p) {
  const auto& op = *p.op.as<ops::QLinearConv>();
  return conv_shape(ops::convolution_window(op, p.inputs[kW].shape), op.group, p.inputs[kX],
                    p.outputs[0]);
}

/// Whether it is one of images, channels-last, with constant weights.
inline bool is_byte_conv(const Problem& p) {
  const Operand &x = p.inputs[kX], &y = p.outputs[0];
  if (x.rank() != 4 || x.layout != Layout::channels_last || y.layout != Layout::channels_last)
    return false;
  return is_byte_product(x, p.inputs[kW], p.inputs[kWZero], y, y.dim(1));
}

}  // namespace drawbar::cpu

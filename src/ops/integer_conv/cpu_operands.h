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

/// Its scales and zero points; there are `w_scales` of the weights.
inline ByteScales byte_conv_scales(const KernelRun& run, ElementType x, ElementType y,
                                   int64_t w_scales) {
  ByteScales scales;
  scales.x_scale = *run.in<float>(kXScale);
  scales.x_zero = byte_at(run.inputs[kXZero], x, 0);
  if (y != ElementType::f32) {
    scales.y_scale = *run.in<float>(kYScale);
    scales.y_zero = byte_at(run.inputs[kYZero], y, 0);
  }
  scales.w_scale = run.in<float>(kWScale);
  scales.w_scales = w_scales;
  scales.bias = run.inputs.size() > kBias ? run.in<int32_t>(kBias) : nullptr;
  return scales;
}

}  // namespace drawbar::cpu

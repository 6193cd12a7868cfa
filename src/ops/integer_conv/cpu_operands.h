#pragma once

#include "ops/conv/kernels/planned_conv.h"
#include "ops/integer_conv/op.h"
#include "targets/cpu/byte_product.h"

namespace drawbar::cpu {

/// QLinearConv's inputs, and those of ConvInteger that stand elsewhere.
enum ByteConvInput : size_t { kX, kXScale, kXZero, kW, kWScale, kWZero, kYScale, kYZero, kBias };
enum ByteConvSumsInput : size_t { kSumsW = 1, kSumsWZero = 3 };

/// A convolution of bytes, by QLinearConv or ConvInteger, of images with constant weights.
struct ByteConvolution {
  explicit ByteConvolution(const Problem& p)
      : sums_only(p.op.as<ops::ConvInteger>() != nullptr),
        w_input(sums_only ? size_t{kSumsW} : kW),
        w_zero_input(sums_only ? size_t{kSumsWZero} : kWZero),
        x(p.inputs[kX].type),
        y(p.outputs[0].type) {
    w_scales = sums_only ? 1 : p.inputs[kWScale].size();
    f32_bias = p.inputs.size() > kBias && p.inputs[kBias].type == ElementType::f32;
  }

  static int64_t group(const Problem& p) {
    const auto* sums = p.op.as<ops::ConvInteger>();
    return sums ? sums->group : p.op.as<ops::QLinearConv>()->group;
  }
  ConvShape shape(const Problem& p) const {
    const auto* sums = p.op.as<ops::ConvInteger>();
    const ops::Window window =
        sums ? ops::convolution_window(*sums, p.inputs[w_input].shape)
             : ops::convolution_window(*p.op.as<ops::QLinearConv>(), p.inputs[w_input].shape);
    return conv_shape(window, group(p), p.inputs[kX], p.outputs[0]);
  }

  /// The zero point of the weights, absent or constant.
  Operand w_zero(const Problem& p) const {
    return w_zero_input < p.inputs.size() ? p.inputs[w_zero_input] : Operand();
  }

  /// Whether x and y lie channels-last.
  bool applies(const Problem& p) const {
    const Operand &from = p.inputs[kX], &to = p.outputs[0];
    if (from.rank() != 4 || from.layout != Layout::channels_last ||
        to.layout != Layout::channels_last)
      return false;
    return is_byte_product(from, p.inputs[w_input], w_zero(p), to, to.dim(1));
  }

  ByteScales scales(const KernelRun& run) const {
    ByteScales scales;
    const void* zero = kXZero < run.inputs.size() ? run.inputs[kXZero] : nullptr;
    if (zero != nullptr) scales.x_zero = byte_at(zero, x, 0);
    if (sums_only) return scales;
    scales.x_scale = *run.in<float>(kXScale);
    scales.w_scale = run.in<float>(kWScale);
    scales.w_scales = w_scales;
    if (y != ElementType::f32) {
      scales.y_scale = *run.in<float>(kYScale);
      scales.y_zero = byte_at(run.inputs[kYZero], y, 0);
    }
    if (run.inputs.size() > kBias) scales.set_bias(run.inputs[kBias], f32_bias);
    return scales;
  }

  bool sums_only;
  size_t w_input, w_zero_input;
  ElementType x, y;
  int64_t w_scales = 1;
  bool f32_bias = false;
};

}  // namespace drawbar::cpu

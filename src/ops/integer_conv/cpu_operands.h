#pragma once

#include "ops/conv/kernels/planned_conv.h"
#include "ops/integer_conv/op.h"
#include "targets/cpu/byte_product.h"

namespace drawbar::cpu {

/// A convolution of bytes, by QLinearConv or ConvInteger, of images with constant weights.
struct ByteConvolution : ByteOperands {
  explicit ByteConvolution(const Problem& p)
      : ByteOperands(p, p.op.as<ops::ConvInteger>() != nullptr) {}

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

  /// Whether x and y lie channels-last.
  bool applies(const Problem& p) const {
    const Operand &from = p.inputs[kX], &to = p.outputs[0];
    if (from.rank() != 4 || from.layout != Layout::channels_last ||
        to.layout != Layout::channels_last)
      return false;
    return is_byte_product(from, p.inputs[w_input], w_zero(p), to, to.dim(1));
  }
};

}  // namespace drawbar::cpu

#pragma once

#include "ops/pool/kernels/channels_last.h"
#include "ops/pool/op.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {

/// Of x [N, C, H, W] and y, the first input and output.
inline PoolShape pool_shape(const ops::Pool& op, const Problem& problem) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  ops::Window window = ops::window_of(op, op.kernel);
  window.resolve_pads(std::span(x.shape).subspan(2));
  return {.n = x.dim(0),
          .h = x.dim(2),
          .w = x.dim(3),
          .c = x.dim(1),
          .oh = y.dim(2),
          .ow = y.dim(3),
          .y_pixel = y.pixel_stride(),
          .kh = window.kernel[0],
          .kw = window.kernel[1],
          .stride_h = window.strides[0],
          .stride_w = window.strides[1],
          .dilation_h = window.dilations[0],
          .dilation_w = window.dilations[1],
          .pad_top = window.pads_begin[0],
          .pad_left = window.pads_begin[1],
          .pad_bottom = window.pads_end[0],
          .pad_right = window.pads_end[1],
          .average = op.kind == ops::PoolKind::average,
          .count_include_pad = op.count_include_pad};
}

}  // namespace drawbar::cpu

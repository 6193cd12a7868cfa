#pragma once

#include "import/onnx/node.h"
#include "ops/window/window.h"

namespace drawbar::onnx {

/// The window attributes of a node (strides, dilations, pads, auto_pad, ceil_mode) for `kernel`.
/// auto_pad becomes numbers where x's sizes are known or do not matter. Throws INVALID_MODEL.
ops::Window import_window(const OnnxNode& node, std::vector<int64_t> kernel, const Type& x);

/// Copies a window into an operator's members of the same names.
template <class T>
void assign_window(T& op, const ops::Window& window) {
  op.strides = window.strides;
  op.dilations = window.dilations;
  op.pads_begin = window.pads_begin;
  op.pads_end = window.pads_end;
  op.auto_pad = window.auto_pad;
}

/// The kernel sizes of convolution weights w [M, C/group, k1…kn] and the attribute kernel_shape,
/// which must agree. Throws UNSUPPORTED when neither is known.
std::vector<int64_t> import_kernel(const OnnxNode& node, const Type& w);

}  // namespace drawbar::onnx

#include "ops/window/import.h"

#include "ops/conv/op.h"
#include "ops/pointwise/import.h"
#include "ops/transpose/op.h"

namespace drawbar::onnx {
namespace {

ops::Conv convolution(const OnnxNode& node, ValueId x, ValueId w) {
  ops::Conv conv{.group = node.integer("group", 1)};
  const Type& weights = node.value(w).type;
  assign_window(conv, import_window(node, import_kernel(node, weights), node.value(x).type));
  return conv;
}

}  // namespace

ONNX_OP(Conv) {
  node.replace_with(convolution(node, node.input(0), node.input(1)), node.inputs_padded(3));
}

/// activation(Conv + a residual).
ONNX_MICROSOFT_OP(FusedConv) {
  ValueId y = node.add(convolution(node, node.input(0), node.input(1)),
                       {node.input(0), node.input(1), node.input(2)});
  if (node.has_input(3)) {
    y = node.add(ops::Elementwise(ops::Function::Add), {y, node.input(3)});
  }
  node.set_output(0, activated(node, y));
}

/// Images and weights with the channels last: x [N, H, W, C], w [M, k1, k2, C/group].
ONNX_MICROSOFT_OP(NhwcConv) {
  const ops::Transpose to_front{{0, 3, 1, 2}};
  const ValueId x = node.add(to_front, {node.input(0)}), w = node.add(to_front, {node.input(1)});
  const ValueId y = node.add(convolution(node, x, w), {x, w, node.input(2)});
  node.replace_with(ops::Transpose{{0, 2, 3, 1}}, {y});
}

}  // namespace drawbar::onnx

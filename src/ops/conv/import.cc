#include "ops/window/import.h"

#include "ops/conv/op.h"

namespace drawbar::onnx {

ONNX_OP(Conv) {
  ops::Conv conv{.group = node.integer("group", 1)};
  const Type& w = node.value(node.input(1)).type;
  assign_window(conv, import_window(node, import_kernel(node, w), node.value(node.input(0)).type));
  node.replace_with(conv, node.inputs_padded(3));
}

}  // namespace drawbar::onnx

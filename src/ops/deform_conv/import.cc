#include "ops/window/import.h"

#include "ops/deform_conv/op.h"

namespace drawbar::onnx {

ONNX_OP(DeformConv) {
  ops::DeformConv op{.group = node.integer("group", 1),
                     .offset_group = node.integer("offset_group", 1)};
  assign_window(op, import_window(node, import_kernel(node, node.value(node.input(1)).type),
                                  node.value(node.input(0)).type));
  node.replace_with(op, node.inputs_padded(5));
}

}  // namespace drawbar::onnx

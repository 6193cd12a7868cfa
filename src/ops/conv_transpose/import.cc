#include "ops/window/import.h"

#include "ops/conv_transpose/op.h"

namespace drawbar::onnx {

ONNX_OP(ConvTranspose) {
  ops::ConvTranspose op{.group = node.integer("group", 1)};
  const std::vector<int64_t> kernel = import_kernel(node, node.value(node.input(1)).type);
  const size_t rank = kernel.size();
  // auto_pad's numbers depend on y here: x's sizes must not be used.
  assign_window(op, import_window(node, kernel, Type()));
  const std::string auto_pad = node.text("auto_pad", "NOTSET");
  if (auto_pad.starts_with("SAME")) {
    op.auto_pad = auto_pad == "SAME_UPPER" ? ops::AutoPad::same_upper : ops::AutoPad::same_lower;
    op.pads_begin.assign(rank, 0);
    op.pads_end.assign(rank, 0);
  }
  op.output_padding = node.integers("output_padding");
  op.output_shape = node.integers("output_shape");
  if (op.output_shape.size() == rank + 2) {  // some exporters write N and M too
    op.output_shape.erase(op.output_shape.begin(), op.output_shape.begin() + 2);
  }
  node.replace_with(op, node.inputs_padded(3));
}

}  // namespace drawbar::onnx

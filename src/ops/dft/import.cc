#include "import/onnx/node.h"
#include "ops/dft/op.h"

namespace drawbar::onnx {

/// The axis is an attribute before opset 20, and an input from then on.
ONNX_OP(DFT) {
  ops::Dft dft{.inverse = node.integer("inverse", 0) != 0,
               .onesided = node.integer("onesided", 0) != 0};
  if (node.opset() >= 20) return node.replace_with(dft, node.all_inputs());
  dft.axis = node.integer("axis", 1);
  std::vector<ValueId> inputs = {node.input(0)};
  if (node.has_input(1)) inputs.push_back(node.input(1));
  node.replace_with(dft, std::move(inputs));
}

}  // namespace drawbar::onnx

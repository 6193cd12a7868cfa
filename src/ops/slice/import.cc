#include "import/onnx/node.h"
#include "ops/slice/op.h"

namespace drawbar::onnx {

/// Attributes before opset 10.
ONNX_OP(Slice) {
  if (node.opset() >= 10) return node.replace_with(ops::Slice{}, node.all_inputs());
  std::vector<ValueId> inputs{node.input(0)};
  for (const char* attribute : {"starts", "ends", "axes"}) {
    if (!node.has(attribute)) continue;
    inputs.push_back(node.constant_list(node.integers(attribute)));
  }
  node.replace_with(ops::Slice{}, std::move(inputs));
}

/// Slice-10 before there was one, without steps.
ONNX_OP(DynamicSlice) { node.replace_with(ops::Slice{}, node.all_inputs()); }

}  // namespace drawbar::onnx

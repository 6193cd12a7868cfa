#include "import/onnx/node.h"
#include "ops/slice/op.h"

namespace drawbar::onnx {

/// Attributes before opset 10.
ONNX_OP(Slice) {
  if (node.opset() >= 10) return node.replace_with(ops::Slice{}, node.all_inputs());
  std::vector<ValueId> inputs{node.input(0)};
  for (const char* attribute : {"starts", "ends", "axes"}) {
    if (!node.has(attribute)) continue;
    const std::vector<int64_t> values = node.integers(attribute);
    inputs.push_back(node.constant_value(Tensor::from<int64_t>(
        {static_cast<int64_t>(values.size())}, std::span<const int64_t>(values))));
  }
  node.replace_with(ops::Slice{}, std::move(inputs));
}

/// Slice-10 before there was one, without steps.
ONNX_OP(DynamicSlice) { node.replace_with(ops::Slice{}, node.all_inputs()); }

}  // namespace drawbar::onnx

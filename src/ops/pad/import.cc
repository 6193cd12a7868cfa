#include <algorithm>

#include "import/onnx/node.h"
#include "ops/pad/op.h"

namespace drawbar::onnx {

/// Attributes before opset 11, spelt `paddings` in opset 1.
ONNX_OP(Pad) {
  const std::string text = node.text("mode", "constant");
  const auto& names = EnumNames<ops::PadMode>::names;
  const auto found = std::find(std::begin(names), std::end(names), text);
  if (found == std::end(names)) {
    fail(ErrorCode::invalid_model, "mode is '{}', expected constant, reflect, edge or wrap", text);
  }
  const ops::Pad pad{static_cast<ops::PadMode>(found - std::begin(names))};
  if (node.opset() >= 11) return node.replace_with(pad, node.all_inputs());
  const auto pads = node.integers(node.opset() < 2 ? "paddings" : "pads");
  const ValueId list = node.constant_value(
      Tensor::from<int64_t>({static_cast<int64_t>(pads.size())}, std::span<const int64_t>(pads)));
  Tensor value = Tensor::allocate(node.value(node.input(0)).type.tensor.element, {});
  write_number(value, 0, node.number("value", 0));
  node.replace_with(pad, {node.input(0), list, node.constant_value(std::move(value))});
}

}  // namespace drawbar::onnx

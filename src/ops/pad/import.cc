#include "ops/reshape/import.h"

#include <algorithm>

#include "import/onnx/node.h"
#include "ops/pad/op.h"

namespace drawbar::onnx {

namespace {

ops::PadMode mode(const OnnxNode& node) {
  const std::string text = node.text("mode", "constant");
  const auto& names = EnumNames<ops::PadMode>::names;
  const auto found = std::find(std::begin(names), std::end(names), text);
  if (found == std::end(names)) {
    fail(ErrorCode::invalid_model, "mode is '{}', expected constant, reflect, edge or wrap", text);
  }
  return static_cast<ops::PadMode>(found - std::begin(names));
}

}  // namespace

/// Attributes before opset 11, spelt `paddings` in opset 1.
ONNX_OP(Pad) {
  const ops::Pad pad{mode(node)};
  if (node.opset() >= 11) return node.replace_with(pad, node.all_inputs());
  const auto pads = node.integers(node.opset() < 2 ? "paddings" : "pads");
  const ValueId list = node.constant_value(
      Tensor::from<int64_t>({static_cast<int64_t>(pads.size())}, std::span<const int64_t>(pads)));
  Tensor value = Tensor::allocate(node.value(node.input(0)).type.tensor.element, {});
  write_number(value, 0, node.number("value", 0));
  node.replace_with(pad, {node.input(0), list, node.constant_value(std::move(value))});
}

/// ONNX's of opset 11, whose list of pads may also be a matrix of one line.
ONNX_MICROSOFT_OP(Pad) {
  std::vector<ValueId> inputs = node.all_inputs();
  const TensorType& pads = node.value(node.input(1)).type.tensor;
  if (pads.ranked && pads.rank() == 2) {
    inputs[1] = reshaped(node, inputs[1], {-1});
  }
  node.replace_with(ops::Pad{mode(node)}, std::move(inputs));
}

}  // namespace drawbar::onnx

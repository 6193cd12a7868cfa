#include <algorithm>

#include "import/onnx/node.h"
#include "ops/scatter/op.h"

namespace drawbar::onnx {
namespace {

ops::ScatterReduction reduction(const OnnxNode& node) {
  const std::string text = node.text("reduction", "none");
  const auto& names = EnumNames<ops::ScatterReduction>::names;
  const auto found = std::find(std::begin(names), std::end(names), text);
  if (found == std::end(names))
    fail(ErrorCode::invalid_model, "reduction is '{}', expected none, add, mul, max or min", text);
  return static_cast<ops::ScatterReduction>(found - std::begin(names));
}

void import_elements(OnnxNode& node) {
  node.replace_with(ops::ScatterElements{node.integer("axis", 0), reduction(node)},
                    {node.input(0), node.input(1), node.input(2)});
}

}  // namespace

ONNX_OP(ScatterElements) { import_elements(node); }
ONNX_OP(Scatter) { import_elements(node); }  // the same operator's name before opset 11

ONNX_OP(ScatterND) {
  node.replace_with(ops::ScatterND{reduction(node)}, {node.input(0), node.input(1), node.input(2)});
}

ONNX_OP(TensorScatter) {
  const std::string mode = node.text("mode", "linear");
  if (mode != "linear" && mode != "circular")
    fail(ErrorCode::invalid_model, "mode is '{}', expected linear or circular", mode);
  std::vector<ValueId> inputs{node.input(0), node.input(1)};
  if (node.has_input(2)) inputs.push_back(node.input(2));
  node.replace_with(ops::TensorScatter{node.integer("axis", -2), mode == "circular"},
                    std::move(inputs));
}

}  // namespace drawbar::onnx

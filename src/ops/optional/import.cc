#include "import/onnx/node.h"
#include "ops/optional/op.h"

namespace drawbar::onnx {

ONNX_OP(Optional) {
  if (node.has_input(0)) return node.replace_with(ops::Optional{}, {node.input(0)});
  node.replace_with(ops::Optional{to_string(node.type_attribute("type"))}, {});
}

ONNX_OP(OptionalGetElement) { node.replace_with(ops::OptionalGetElement{}, node.all_inputs()); }
ONNX_OP(OptionalHasElement) { node.replace_with(ops::OptionalHasElement{}, node.all_inputs()); }

}  // namespace drawbar::onnx

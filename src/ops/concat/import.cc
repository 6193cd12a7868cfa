#include "import/onnx/node.h"
#include "ops/concat/op.h"

namespace drawbar::onnx {

ONNX_OP(Concat) {
  const int64_t axis = node.opset() < 4 ? node.integer("axis", 1) : node.required_integer("axis");
  node.replace_with(ops::Concat{axis}, node.all_inputs());
}

}  // namespace drawbar::onnx

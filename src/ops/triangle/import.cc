#include "import/onnx/node.h"
#include "ops/triangle/op.h"

namespace drawbar::onnx {

ONNX_OP(Trilu) {
  std::vector<ValueId> inputs{node.input(0)};
  if (node.has_input(1)) inputs.push_back(node.input(1));
  node.replace_with(ops::Trilu{node.integer("upper", 1) != 0}, std::move(inputs));
}

}  // namespace drawbar::onnx

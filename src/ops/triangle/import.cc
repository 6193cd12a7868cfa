#include "import/onnx/node.h"
#include "ops/triangle/op.h"

namespace drawbar::onnx {

namespace {

void import_trilu(OnnxNode& node) {
  std::vector<ValueId> inputs{node.input(0)};
  if (node.has_input(1)) inputs.push_back(node.input(1));
  node.replace_with(ops::Trilu{node.integer("upper", 1) != 0}, std::move(inputs));
}

}  // namespace

ONNX_OP(Trilu) { import_trilu(node); }
ONNX_MICROSOFT_OP(Trilu) { import_trilu(node); }

}  // namespace drawbar::onnx

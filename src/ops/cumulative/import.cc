#include "import/onnx/node.h"
#include "ops/cumulative/op.h"

namespace drawbar::onnx {
namespace {

void import_cumulative(OnnxNode& node, bool product) {
  node.replace_with(
      ops::Cumulative{product, node.integer("exclusive", 0) != 0, node.integer("reverse", 0) != 0},
      {node.input(0), node.input(1)});
}

}  // namespace

ONNX_OP(CumSum) { import_cumulative(node, false); }
ONNX_OP(CumProd) { import_cumulative(node, true); }

}  // namespace drawbar::onnx

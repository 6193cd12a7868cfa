#include "import/onnx/node.h"
#include "ops/det/op.h"

namespace drawbar::onnx {

ONNX_OP(Det) { node.replace_with(ops::Det{}, {node.input(0)}); }

}  // namespace drawbar::onnx

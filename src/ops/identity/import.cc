#include "import/onnx/node.h"
#include "ops/identity/op.h"

namespace drawbar::onnx {

ONNX_OP(Identity) { node.replace_with(ops::Identity{}, {node.input(0)}); }

}  // namespace drawbar::onnx

#include "import/onnx/node.h"
#include "ops/transpose/op.h"

namespace drawbar::onnx {

ONNX_OP(Transpose) { node.replace_with(ops::Transpose{node.integers("perm")}, {node.input(0)}); }

}  // namespace drawbar::onnx

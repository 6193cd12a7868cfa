#include "import/onnx/node.h"
#include "ops/crop/op.h"

namespace drawbar::onnx {

ONNX_OP(CenterCropPad) {
  node.replace_with(ops::CenterCropPad{node.integers("axes")}, {node.input(0), node.input(1)});
}

}  // namespace drawbar::onnx

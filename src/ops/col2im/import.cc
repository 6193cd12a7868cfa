#include "import/onnx/node.h"
#include "ops/col2im/op.h"

namespace drawbar::onnx {

ONNX_OP(Col2Im) {
  node.replace_with(
      ops::Col2Im{node.integers("strides"), node.integers("dilations"), node.integers("pads")},
      {node.input(0), node.input(1), node.input(2)});
}

}  // namespace drawbar::onnx

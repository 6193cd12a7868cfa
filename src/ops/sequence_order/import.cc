#include "import/onnx/node.h"
#include "ops/sequence_order/op.h"

namespace drawbar::onnx {

ONNX_OP(ReverseSequence) {
  node.replace_with(
      ops::ReverseSequence{node.integer("batch_axis", 1), node.integer("time_axis", 0)},
      {node.input(0), node.input(1)});
}

}  // namespace drawbar::onnx

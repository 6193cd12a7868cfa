#include "import/onnx/node.h"
#include "ops/gather/op.h"

namespace drawbar::onnx {

ONNX_OP(Gather) {
  node.replace_with(ops::Gather{node.integer("axis", 0)}, {node.input(0), node.input(1)});
}

ONNX_OP(GatherElements) {
  node.replace_with(ops::GatherElements{node.integer("axis", 0)}, {node.input(0), node.input(1)});
}

ONNX_OP(GatherND) {
  node.replace_with(ops::GatherND{node.integer("batch_dims", 0)}, {node.input(0), node.input(1)});
}

}  // namespace drawbar::onnx

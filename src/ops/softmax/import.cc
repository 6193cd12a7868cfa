#include "import/onnx/node.h"
#include "ops/reshape/op.h"
#include "ops/softmax/op.h"

namespace drawbar::onnx {
namespace {

/// Before opset 13 the axis splits the shape in two, and everything behind it is one line.
void import_softmax(OnnxNode& node, bool log) {
  const Value& x = node.value(node.input(0));
  if (node.opset() >= 13) {
    node.replace_with(ops::Softmax{node.integer("axis", -1), log}, {node.input(0)});
    return;
  }
  const int64_t rank = x.type.tensor.rank();
  const int64_t axis = Infer::axis(node.integer("axis", 1), std::max<int64_t>(rank, 2));
  if (axis == rank - 1) {
    node.replace_with(ops::Softmax{-1, log}, {node.input(0)});
    return;
  }
  const ValueId flat = node.add(ops::Flatten{axis}, {node.input(0)});
  const ValueId lines = node.add(ops::Softmax{-1, log}, {flat});
  node.replace_with(ops::ReshapeLike{}, {lines, node.input(0)});
}

}  // namespace

ONNX_OP(Softmax) { import_softmax(node, false); }
ONNX_OP(LogSoftmax) { import_softmax(node, true); }

}  // namespace drawbar::onnx

#include "import/onnx/node.h"
#include "ops/reshape/op.h"
#include "ops/softmax/op.h"

namespace drawbar::onnx {
namespace {

/// Before opset 13 the axis splits the shape in two, and everything behind it is one line.
/// `along(axis)` is the operator along one axis.
template <class Along>
void import_lines(OnnxNode& node, Along&& along) {
  if (node.opset() >= 13) {
    node.replace_with(along(node.integer("axis", -1)), {node.input(0)});
    return;
  }
  const TensorType& type = node.value(node.input(0)).type.tensor;
  if (!type.ranked) {
    fail(ErrorCode::unsupported, "x has no known rank, which opset {} needs", node.opset());
  }
  const int64_t rank = type.rank();
  const int64_t axis = Infer::axis(node.integer("axis", 1), std::max<int64_t>(rank, 2));
  if (axis >= rank - 1) {
    node.replace_with(along(-1), {node.input(0)});
    return;
  }
  const ValueId flat = node.add(ops::Flatten{axis}, {node.input(0)});
  const ValueId lines = node.add(along(-1), {flat});
  node.replace_with(ops::ReshapeLike{}, {lines, node.input(0)});
}

}  // namespace

ONNX_OP(Softmax) {
  import_lines(node, [](int64_t axis) { return ops::Softmax{axis, false}; });
}
ONNX_OP(LogSoftmax) {
  import_lines(node, [](int64_t axis) { return ops::Softmax{axis, true}; });
}
ONNX_OP(Hardmax) {
  import_lines(node, [](int64_t axis) { return ops::Hardmax{axis}; });
}

}  // namespace drawbar::onnx

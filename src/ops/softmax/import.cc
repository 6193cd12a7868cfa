#include "import/onnx/node.h"
#include "ops/pointwise/op.h"
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

/// Softmax of x + bias over all dimensions from the axis on.
ONNX_MICROSOFT_OP(BiasSoftmax) {
  const ValueId x = node.add(ops::Elementwise(ops::Function::Add), {node.input(0), node.input(1)});
  const TensorType& type = node.value(x).type.tensor;
  if (!type.ranked) fail(ErrorCode::unsupported, "x has no known rank");
  const int64_t rank = type.rank(), axis = Infer::axis(node.integer("axis", 1), rank);
  if (axis == rank - 1) return node.replace_with(ops::Softmax{}, {x});
  const ValueId lines = node.add(ops::Softmax{}, {node.add(ops::Flatten{axis}, {x})});
  node.replace_with(ops::ReshapeLike{}, {lines, x});
}

}  // namespace drawbar::onnx

#include "ops/reshape/import.h"

#include "ops/reshape/op.h"

namespace drawbar::onnx {

ValueId reshaped(OnnxNode& node, ValueId x, const std::vector<int64_t>& shape) {
  return node.add(ops::Reshape{}, {x, node.constant_list(shape)});
}

namespace {

/// The axes are an attribute before opset 13; a constant input becomes one.
template <class T>
void import_with_axes(OnnxNode& node) {
  const bool dynamic = node.has_input(1) && !node.constant(1);
  if (dynamic) return node.replace_with(T{}, {node.input(0), node.input(1)});
  node.replace_with(T{node.attribute_or_input("axes", 1).value_or(std::vector<int64_t>{})},
                    {node.input(0)});
}

}  // namespace

ONNX_OP(Reshape) {
  if (node.opset() < 5) {
    const ValueId shape = node.constant_list(node.integers("shape"));
    return node.replace_with(ops::Reshape{}, {node.input(0), shape});
  }
  node.replace_with(ops::Reshape{node.integer("allowzero", 0) != 0},
                    {node.input(0), node.input(1)});
}

ONNX_OP(Squeeze) { import_with_axes<ops::Squeeze>(node); }
ONNX_OP(Unsqueeze) { import_with_axes<ops::Unsqueeze>(node); }
ONNX_OP(Flatten) { node.replace_with(ops::Flatten{node.integer("axis", 1)}, {node.input(0)}); }

/// One more dimension at a constant axis.
ONNX_MICROSOFT_OP(ExpandDims) {
  const Tensor* axis = node.constant(1);
  if (!axis) fail(ErrorCode::unsupported, "axis must be a constant");
  if (!is_integer(axis->type()) || axis->size() != 1) {
    fail(ErrorCode::invalid_model, "axis is no single integer");
  }
  node.replace_with(ops::Unsqueeze{{read_integer(*axis, 0)}}, {node.input(0)});
}

}  // namespace drawbar::onnx

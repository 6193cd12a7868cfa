#include "import/onnx/node.h"
#include "ops/concat/op.h"
#include "ops/expand/op.h"
#include "ops/reshape/op.h"
#include "ops/shape/op.h"

namespace drawbar::onnx {

ONNX_OP(Shape) {
  const ops::ShapeOf plain;
  node.replace_with(
      ops::ShapeOf{node.integer("start", plain.start), node.integer("end", plain.end)},
      {node.input(0)});
}

ONNX_OP(Size) { node.replace_with(ops::SizeOf{}, {node.input(0)}); }

ONNX_OP(Range) {
  node.replace_with(ops::NumberRange{}, {node.input(0), node.input(1), node.input(2)});
}

ONNX_OP(EyeLike) {
  const ElementType like = node.value(node.input(0)).type.tensor.element;
  node.replace_with(ops::EyeLike{node.element_type("dtype", like), node.integer("k", 0)},
                    {node.input(0)});
}

/// One element, expanded.
ONNX_OP(ConstantOfShape) {
  Tensor value = node.has("value") ? node.tensor("value") : Tensor::from<float>({1}, {0.0f});
  if (value.size() != 1)
    fail(ErrorCode::invalid_model, "value has {} elements, expected 1", value.size());
  const ValueId element = node.constant_value(value.reshaped({}));
  node.replace_with(ops::Expand{}, {element, node.input(0)});
}

/// Old models create constants whose shape is an attribute or another tensor's (opset 1).
ONNX_OP(ConstantFill) {
  const double value = node.number("value", 0);
  Tensor element = Tensor::allocate(node.element_type("dtype", ElementType::f32), {});
  write_number(element, 0, value);
  ValueId shape = no_id;
  if (!node.has_input(0)) {
    shape = node.constant_list(node.integers("shape"));
  } else if (node.integer("input_as_shape", 0) != 0) {
    shape = node.input(0);
  } else {
    shape = node.add(ops::ShapeOf{}, {node.input(0)});
  }
  node.replace_with(ops::Expand{}, {node.constant_value(element), shape});
}

/// Old files' constants: `values` under the shape of an attribute, of the input, or that the input
/// holds.
ONNX_OP(GivenTensorFill) {
  const std::vector<float> values = node.numbers("values");
  const ValueId filled = node.constant_value(
      Tensor::from<float>({static_cast<int64_t>(values.size())}, std::span<const float>(values)));
  ValueId shape = no_id;
  if (!node.has_input(0)) {
    shape = node.constant_list(node.integers("shape"));
  } else if (node.integer("input_as_shape", 0) != 0) {
    shape = node.input(0);
  } else {
    shape = node.add(ops::ShapeOf{}, {node.input(0)});
    if (node.has("extra_shape")) {
      const ValueId extra = node.constant_list(node.integers("extra_shape"));
      shape = node.add(ops::Concat{0}, {shape, extra});
    }
  }
  node.replace_with(ops::Reshape{.allow_zero = true}, {filled, shape});
}

}  // namespace drawbar::onnx

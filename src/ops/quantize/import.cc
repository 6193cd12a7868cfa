#include "ops/quantize/import.h"

#include <cmath>

#include "ops/quantize/op.h"

namespace drawbar::onnx {
namespace {

ElementType element_of(const OnnxNode& node, ValueId value) {
  if (value == no_id || !node.value(value).type.is_tensor()) {
    fail(ErrorCode::invalid_model, "an input is missing or no tensor");
  }
  return node.value(value).type.tensor.element;
}

/// An element type attribute, of which 0 says "not given".
ElementType type_or(const OnnxNode& node, std::string_view attribute, ElementType fallback) {
  return node.integer(attribute, 0) == 0 ? fallback : node.element_type(attribute, fallback);
}

void import_quantize(OnnxNode& node) {
  const std::vector<ValueId> inputs = node.inputs_padded(3);
  check_scale(node, 1, "y_scale", ScaleUse::dividing);
  const ElementType scale = element_of(node, inputs[1]);
  ops::QuantizeLinear op;
  op.to = inputs[2] != no_id ? element_of(node, inputs[2])
                             : type_or(node, "output_dtype", ElementType::u8);
  op.axis = node.integer("axis", 1);
  op.block_size = node.integer("block_size", 0);
  op.saturate = node.integer("saturate", 1) != 0;
  op.precision =
      type_or(node, "precision", scale == ElementType::f8e8m0 ? ElementType::f32 : scale);
  node.replace_with(op, inputs);
}

void import_dequantize(OnnxNode& node) {
  const std::vector<ValueId> inputs = node.inputs_padded(3);
  check_scale(node, 1, "x_scale", ScaleUse::multiplying);
  const ElementType scale = element_of(node, inputs[1]);
  ops::DequantizeLinear op;
  op.to = type_or(node, "output_dtype", scale == ElementType::f8e8m0 ? ElementType::f32 : scale);
  op.axis = node.integer("axis", 1);
  op.block_size = node.integer("block_size", 0);
  node.replace_with(op, inputs);
}

}  // namespace

void check_scale(const OnnxNode& node, size_t input, std::string_view what, ScaleUse use) {
  const Tensor* scale = node.constant(input);
  if (scale == nullptr || !is_floating(scale->type())) return;  // inference looks at its type
  for (int64_t i = 0; i < scale->size(); ++i) {
    const double number = read_number(*scale, i);
    if (std::isfinite(number) && (number > 0 || use == ScaleUse::multiplying)) continue;
    fail(ErrorCode::invalid_model, "{} (input {}) is {} at {}, expected {}", what, input, number, i,
         use == ScaleUse::dividing ? "a number above 0" : "a finite number");
  }
}

void check_linear_inputs(const OnnxNode& node, std::span<const std::string_view> names) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (!node.has_input(i)) {
      fail(ErrorCode::invalid_model, "{} (input {}) is missing", names[i], i);
    }
    if (!names[i].ends_with("scale")) continue;
    const bool weights = names[i] == "w_scale" || names[i] == "b_scale";
    check_scale(node, i, names[i], weights ? ScaleUse::multiplying : ScaleUse::dividing);
  }
}

ONNX_OP(QuantizeLinear) { import_quantize(node); }
ONNX_OP(DequantizeLinear) { import_dequantize(node); }
// The same before ONNX had them with 16 and 4 bits.
ONNX_MICROSOFT_OP(QuantizeLinear) { import_quantize(node); }
ONNX_MICROSOFT_OP(DequantizeLinear) { import_dequantize(node); }

ONNX_OP(DynamicQuantizeLinear) {
  node.replace_with(ops::DynamicQuantizeLinear{}, node.inputs_padded(1));
}

}  // namespace drawbar::onnx

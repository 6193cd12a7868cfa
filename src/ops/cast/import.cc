#include "import/onnx/node.h"
#include "ops/cast/op.h"

namespace drawbar::onnx {
namespace {

/// Before opset 6 the type was spelt out ("FLOAT").
ElementType target_type(const OnnxNode& node) {
  if (node.opset() >= 6) {
    node.required_integer("to");
    return node.element_type("to", ElementType::f32);
  }
  static constexpr std::pair<std::string_view, ElementType> names[] = {
      {"FLOAT", ElementType::f32},     {"DOUBLE", ElementType::f64}, {"FLOAT16", ElementType::f16},
      {"INT8", ElementType::i8},       {"INT16", ElementType::i16},  {"INT32", ElementType::i32},
      {"INT64", ElementType::i64},     {"UINT8", ElementType::u8},   {"UINT16", ElementType::u16},
      {"UINT32", ElementType::u32},    {"UINT64", ElementType::u64}, {"BOOL", ElementType::boolean},
      {"STRING", ElementType::string},
  };
  const std::string text = node.text("to", "");
  for (const auto& [name, type] : names) {
    if (name == text) return type;
  }
  fail(ErrorCode::invalid_model, "to is '{}', which is no element type", text);
}

ops::Cast cast_to(const OnnxNode& node, ElementType type) {
  ops::Cast cast{.to = type, .saturate = node.integer("saturate", 1) != 0};
  attribute::decode("round_mode", Attribute(node.text("round_mode", "up")), cast.round_mode);
  return cast;
}

}  // namespace

ONNX_OP(Cast) { node.replace_with(cast_to(node, target_type(node)), node.inputs_padded(1)); }

ONNX_OP(CastLike) {
  const std::vector<ValueId> inputs = node.inputs_padded(2);
  if (inputs[1] == no_id || !node.value(inputs[1]).type.is_tensor()) {
    fail(ErrorCode::invalid_model, "the second input is no tensor");
  }
  const ElementType like = node.value(inputs[1]).type.tensor.element;
  node.replace_with(cast_to(node, like), {inputs[0]});
}

ONNX_OP(BitCast) {
  node.required_integer("to");
  node.replace_with(ops::BitCast{node.element_type("to", ElementType::f32)}, node.inputs_padded(1));
}

}  // namespace drawbar::onnx

#include "tests/support/operands.h"

#include <cstring>

namespace drawbar {
namespace {

/// Copies between row-major and the operand's order (elements of at least a byte).
void reorder(const Operand& operand, const void* from, void* to, bool into_operand) {
  const auto width = static_cast<size_t>(bits(operand.type) / 8);
  const Shape strides = operand.strides();
  for (int64_t i = 0; i < operand.size(); ++i) {
    int64_t rest = i, at = 0;
    for (size_t axis = operand.shape.size(); axis-- > 0;) {
      at += rest % operand.shape[axis] * strides[axis];
      rest /= operand.shape[axis];
    }
    const auto source = static_cast<size_t>(into_operand ? i : at) * width;
    const auto target = static_cast<size_t>(into_operand ? at : i) * width;
    std::memcpy(static_cast<char*>(to) + target, static_cast<const char*>(from) + source, width);
  }
}

bool can_be_channels_last(const Operand& operand) {
  const ElementType type = operand.type;
  return operand.present && operand.rank() == 4 &&
         (type == ElementType::f32 || is_half(type) || type == ElementType::i32 ||
          type == ElementType::u8 || type == ElementType::i8);
}

}  // namespace

void copy_in(const Operand& operand, const Tensor& value, void* to) {
  if (operand.layout == Layout::row_major) {
    std::memcpy(to, value.raw(), static_cast<size_t>(value.bytes()));
  } else {
    reorder(operand, value.raw(), to, true);
  }
}

Tensor copy_out(const Operand& operand, const void* from) {
  Tensor result = Tensor::allocate(operand.type, operand.shape);
  if (operand.layout == Layout::row_major) {
    std::memcpy(result.raw(), from, static_cast<size_t>(result.bytes()));
  } else {
    reorder(operand, from, result.raw(), false);
  }
  return result;
}

std::optional<Operands> row_major_operands(const OneNode& one) {
  Operands result;
  const Node& node = one.graph.node(one.node);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    Operand operand;
    if (node.inputs[i] != no_id) {
      const Tensor& value = one.operands[i];
      if (value.kind() != Tensor::Kind::tensor || value.type() == ElementType::string) return {};
      operand = {value.type(), value.shape(), Layout::row_major,
                 one.graph.value(node.inputs[i]).constant, true};
    }
    result.inputs.push_back(std::move(operand));
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const Type& type = one.graph.value(node.outputs[i]).type;
    const Tensor& value = one.outputs[i];
    if (!type.is_static() || value.type() == ElementType::string) return {};
    result.outputs.push_back({value.type(), value.shape(), Layout::row_major, nullptr, true});
  }
  return result;
}

std::optional<Operands> channels_last_operands(Operands operands, LayoutRule rule) {
  if (rule == LayoutRule::row_major || operands.inputs.empty()) return {};
  const bool any = rule == LayoutRule::any;
  bool some = false;
  for (size_t i = 0; i < operands.inputs.size(); ++i) {
    Operand& operand = operands.inputs[i];
    const bool residual =
        i >= 2 && !operands.outputs.empty() && operand.shape == operands.outputs[0].shape;
    if (can_be_channels_last(operand) && (any || i == 0 || residual)) {
      if (any && operand.constant) return {};  // constants stay as they are
      operand.layout = Layout::channels_last;
      some = true;
    }
  }
  for (size_t i = 0; i < operands.outputs.size(); ++i) {
    if (can_be_channels_last(operands.outputs[i]) && (any || i == 0)) {
      operands.outputs[i].layout = Layout::channels_last;
    }
  }
  if (!some) return {};
  return operands;
}

}  // namespace drawbar

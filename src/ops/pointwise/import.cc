#include "ops/pointwise/import.h"

#include <cmath>
#include <limits>

#include "ops/reshape/op.h"
#include "ops/split/op.h"

namespace drawbar::onnx {
namespace {

using ops::Elementwise;
using ops::Function;

const TensorType& tensor_type(const OnnxNode& node, ValueId value) {
  const Type& type = node.value(value).type;
  if (!type.is_tensor()) fail(ErrorCode::invalid_model, "an input is no tensor");
  return type.tensor;
}

/// A scalar constant of a value's element type.
ValueId scalar_like(OnnxNode& node, ValueId like, double number) {
  Tensor scalar = Tensor::allocate(tensor_type(node, like).element, {});
  write_number(scalar, 0, number);
  return node.constant_value(std::move(scalar));
}

ValueId with_trailing_ones(OnnxNode& node, ValueId value, int64_t count) {
  if (count <= 0) return value;
  ops::Unsqueeze unsqueeze;
  const int64_t rank = tensor_type(node, value).rank();
  for (int64_t i = 0; i < count; ++i) unsqueeze.axes.push_back(rank + i);
  return node.add(unsqueeze, {value});
}

/// Before opset 7 `axis` said which axis of x the first one of y stands for, with broadcast = 1.
ValueId second_operand(OnnxNode& node, ValueId x, ValueId y) {
  if (node.opset() >= 7 || x == no_id || y == no_id) return y;
  const TensorType &x_type = tensor_type(node, x), &y_type = tensor_type(node, y);
  if (node.type() == "PRelu") {  // one slope, or one per channel
    const bool per_channel = y_type.rank() == 1 && !(y_type.dims[0] == Dim(1));
    return per_channel ? with_trailing_ones(node, y, x_type.rank() - 2) : y;
  }
  if (!node.integer("broadcast", 0) || !node.has("axis")) return y;
  const int64_t axis = Infer::axis(node.required_integer("axis"), x_type.rank());
  const int64_t behind = x_type.rank() - axis - y_type.rank();
  if (behind < 0) {
    fail(ErrorCode::invalid_model, "axis {} leaves no room for a second input of rank {}", axis,
         y_type.rank());
  }
  return with_trailing_ones(node, y, behind);
}

std::vector<ValueId> operands(OnnxNode& node, Function function) {
  std::vector<ValueId> inputs = node.inputs_padded(static_cast<size_t>(info(function).arity));
  if (inputs.size() == 2) inputs[1] = second_operand(node, inputs[0], inputs[1]);
  return inputs;
}

/// Any member that is spelt as in the table.
void import_member(OnnxNode& node) {
  Elementwise op(*ops::function_named(node.type()));
  if (op.function == Function::Selu && node.opset() < 6) op = {Function::Selu, 1.6732f, 1.0507f};
  op.fields([&](std::string_view name, float& parameter) {
    parameter = static_cast<float>(node.number(name, parameter));
  });
  node.replace_with(op, operands(node, op.function));
}

bool register_members() {
  for (int i = 1; i < ops::function_count(); ++i) {
    const auto function = static_cast<Function>(i);
    switch (function) {
      case Function::Fmod:
      case Function::GeluTanh:
      case Function::BitShiftLeft:
      case Function::BitShiftRight:  // not ONNX's names
      case Function::Gelu:
      case Function::Mod:
      case Function::IsInf:
      case Function::Clip:
      case Function::Pow:
      case Function::Min:
      case Function::Max:  // with forms of their own, below
        break;
      default:
        register_handler("", info(function).name, import_member);
    }
  }
  return true;
}
[[maybe_unused]] const bool registered_members = register_members();

/// Sum, Mean, Min and Max of any number of inputs.
void import_variadic(OnnxNode& node, Function function, bool mean) {
  const std::vector<ValueId> inputs = node.all_inputs();
  if (inputs.empty()) fail(ErrorCode::invalid_model, "has no inputs, expected at least 1");
  for (ValueId input : inputs) {
    if (input == no_id) fail(ErrorCode::invalid_model, "an input is missing");
  }
  ValueId result = inputs[0];
  for (size_t i = 1; i < inputs.size(); ++i) {
    result = node.add(Elementwise(function), {result, inputs[i]});
  }
  if (mean && inputs.size() > 1) {
    const ValueId count = scalar_like(node, result, static_cast<double>(inputs.size()));
    result = node.add(Elementwise(Function::Div), {result, count});
  }
  node.set_output(0, result);
}

/// The one element of a constant input, when f32 holds it exactly.
std::optional<float> constant_number(const OnnxNode& node, size_t i) {
  const Tensor* constant = node.constant(i);
  if (!constant || constant->size() != 1 || !is_floating(constant->type())) return std::nullopt;
  const double number = read_number(*constant, 0);
  if (static_cast<double>(static_cast<float>(number)) != number) return std::nullopt;
  return static_cast<float>(number);
}

void import_clip(OnnxNode& node) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const ValueId x = node.inputs_padded(1)[0];
  if (node.opset() < 11) {
    node.replace_with(Elementwise(Function::Clip, static_cast<float>(node.number("min", -infinity)),
                                  static_cast<float>(node.number("max", infinity))),
                      {x});
    return;
  }
  const bool low = node.has_input(1), high = node.has_input(2);
  const auto p = low ? constant_number(node, 1) : -infinity;
  const auto q = high ? constant_number(node, 2) : infinity;
  if (x != no_id && is_floating(tensor_type(node, x).element) && p && q) {
    node.replace_with(Elementwise(Function::Clip, *p, *q), {x});
    return;
  }
  ValueId result = x;
  if (low) result = node.add(Elementwise(Function::Max), {result, node.input(1)});
  if (high) result = node.add(Elementwise(Function::Min), {result, node.input(2)});
  node.set_output(0, result);
}

/// Powers that are cheaper otherwise.
void import_pow(OnnxNode& node) {
  const std::vector<ValueId> inputs = operands(node, Function::Pow);
  const Tensor* exponent = node.constant(1);
  const bool plain = inputs[0] != no_id && exponent && exponent->size() == 1 &&
                     exponent->rank() <= tensor_type(node, inputs[0]).rank() &&
                     tensor_type(node, inputs[0]).ranked &&
                     exponent->type() != ElementType::string &&
                     is_floating(tensor_type(node, inputs[0]).element);
  const double power = plain ? read_number(*exponent, 0) : 0;
  if (power == 2) {
    node.replace_with(Elementwise(Function::Mul), {inputs[0], inputs[0]});
  } else if (power == 3) {
    const ValueId square = node.add(Elementwise(Function::Mul), {inputs[0], inputs[0]});
    node.replace_with(Elementwise(Function::Mul), {square, inputs[0]});
  } else if (power == 0.5) {
    node.replace_with(Elementwise(Function::Sqrt), {inputs[0]});
  } else if (power == -1) {
    node.replace_with(Elementwise(Function::Reciprocal), {inputs[0]});
  } else {
    node.replace_with(Elementwise(Function::Pow), inputs);
  }
}

void import_gelu(OnnxNode& node, std::string_view approximate) {
  if (approximate != "none" && approximate != "tanh") {
    fail(ErrorCode::invalid_model, "approximate is '{}', expected 'none' or 'tanh'", approximate);
  }
  const Function function = approximate == "tanh" ? Function::GeluTanh : Function::Gelu;
  node.replace_with(Elementwise(function), operands(node, function));
}

/// x plus an optional bias.
ValueId biased(OnnxNode& node) {
  const std::vector<ValueId> inputs = node.inputs_padded(2);
  return inputs[1] == no_id ? inputs[0] : node.add(Elementwise(Function::Add), inputs);
}

/// x times a factor of the file's; 1 is left out.
ValueId times(OnnxNode& node, ValueId x, double factor) {
  if (factor == 1) return x;
  return node.add(Elementwise(Function::Mul), {x, scalar_like(node, x, factor)});
}

/// alpha · function(beta · x), as early opsets had it.
void import_scaled(OnnxNode& node, Function function) {
  const ValueId inner = times(node, node.input(0), node.number("beta", 1));
  const ValueId y = node.add(Elementwise(function), {inner});
  node.set_output(0, times(node, y, node.number("alpha", 1)));
}

}  // namespace

ValueId activated(OnnxNode& node, ValueId x) {
  const std::string name = node.text("activation", "");
  if (name.empty()) return x;
  const auto function = ops::function_named(name);
  if (!function || ops::info(*function).arity != 1) {
    fail(ErrorCode::unsupported, "activation '{}'", name);
  }
  Elementwise op(*function);
  const std::vector<float> parameters = node.numbers("activation_params");
  size_t next = 0;
  op.fields([&](std::string_view parameter, float& value) {
    value = next < parameters.size()
                ? parameters[next]
                : static_cast<float>(node.number(fmt::format("activation_{}", parameter), value));
    ++next;
  });
  return node.add(op, {x});
}

ONNX_OP(Sum) { import_variadic(node, Function::Add, false); }
ONNX_OP(Mean) { import_variadic(node, Function::Add, true); }
ONNX_OP(Min) { import_variadic(node, Function::Min, false); }
ONNX_OP(Max) { import_variadic(node, Function::Max, false); }
ONNX_OP(Clip) { import_clip(node); }
ONNX_OP(Pow) { import_pow(node); }
ONNX_OP(Gelu) { import_gelu(node, node.text("approximate", "none")); }

ONNX_OP(Mod) {
  const Function function = node.integer("fmod", 0) ? Function::Fmod : Function::Mod;
  node.replace_with(Elementwise(function), operands(node, function));
}

ONNX_OP(BitShift) {
  const std::string direction = node.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") {
    fail(ErrorCode::invalid_model, "direction is '{}', expected 'LEFT' or 'RIGHT'", direction);
  }
  const Function function = direction == "LEFT" ? Function::BitShiftLeft : Function::BitShiftRight;
  node.replace_with(Elementwise(function), operands(node, function));
}

ONNX_OP(IsInf) {
  node.replace_with(Elementwise(Function::IsInf, node.integer("detect_negative", 1) ? 1.0f : 0.0f,
                                node.integer("detect_positive", 1) ? 1.0f : 0.0f),
                    operands(node, Function::IsInf));
}

// Operators of ONNX's experimental time, which old files still have.
ONNX_OP(Scale) { node.set_output(0, times(node, node.input(0), node.number("scale", 1))); }
ONNX_OP(ParametricSoftplus) { import_scaled(node, Function::Softplus); }
ONNX_OP(ScaledTanh) { import_scaled(node, Function::Tanh); }
ONNX_OP(Affine) {
  const ValueId x = times(node, node.input(0), node.number("alpha", 1));
  node.replace_with(Elementwise(Function::Add), {x, scalar_like(node, x, node.number("beta", 0))});
}
/// Images times one factor, plus a number for each channel.
ONNX_OP(ImageScaler) {
  const ValueId x = times(node, node.input(0), node.number("scale", 1));
  const std::vector<float> bias = node.numbers("bias");
  Tensor added =
      Tensor::allocate(tensor_type(node, x).element, {static_cast<int64_t>(bias.size()), 1, 1});
  for (size_t i = 0; i < bias.size(); ++i) write_number(added, static_cast<int64_t>(i), bias[i]);
  node.replace_with(Elementwise(Function::Add), {x, node.constant_value(std::move(added))});
}

ONNX_MICROSOFT_OP(Gelu) { import_gelu(node, "none"); }
ONNX_MICROSOFT_OP(BiasGelu) { node.replace_with(Elementwise(Function::Gelu), {biased(node)}); }
ONNX_MICROSOFT_OP(FastGelu) { node.replace_with(Elementwise(Function::GeluTanh), {biased(node)}); }
ONNX_MICROSOFT_OP(BiasAdd) {
  const ValueId sum = node.add(Elementwise(Function::Add), {node.input(0), node.input(1)});
  node.replace_with(Elementwise(Function::Add), {sum, node.input(2)});
}
/// The first half of x + bias times Gelu of the second one.
ONNX_MICROSOFT_OP(BiasSplitGelu) {
  const ValueId sum = node.add(Elementwise(Function::Add), {node.input(0), node.input(1)});
  const std::vector<ValueId> halves = node.add_all(ops::Split{.axis = -1}, {sum}, 2);
  const ValueId gate = node.add(Elementwise(Function::Gelu), {halves[1]});
  node.replace_with(Elementwise(Function::Mul), {halves[0], gate});
}
ONNX_MICROSOFT_OP(QuickGelu) {
  const auto alpha = static_cast<float>(node.number("alpha", 1.702));
  node.replace_with(Elementwise(Function::Swish, alpha), {node.inputs_padded(1)[0]});
}

}  // namespace drawbar::onnx

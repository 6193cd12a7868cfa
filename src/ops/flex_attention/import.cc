#include "ops/reshape/import.h"

#include <cmath>

#include "import/onnx/node.h"
#include "ir/splice.h"
#include "ops/attention/op.h"
#include "ops/cast/op.h"
#include "ops/matmul/op.h"
#include "ops/softmax/op.h"

namespace drawbar::onnx {
namespace {

ValueId cast(OnnxNode& node, ValueId value, ElementType to) {
  if (node.value(value).type.tensor.element == to) return value;
  return node.add(ops::Cast{.to = to}, {value});
}

/// Q, K and V must be what Attention takes, all of one type.
void expect_operands(const OnnxNode& node, const std::vector<ValueId>& inputs) {
  if (inputs.size() != 3) {
    fail(ErrorCode::invalid_model, "has {} inputs, expected 3", inputs.size());
  }
  std::vector<Infer::Input> operands;
  for (ValueId input : inputs) operands.push_back({.type = &node.value(input).type});
  Infer context(node.name(), operands, 1);
  ops::infer(ops::Attention{}, context);
  if (context.element(2) != context.element(0)) {
    fail(ErrorCode::invalid_model, "V is {}, but Q is {}", name(context.element(2)),
         name(context.element(0)));
  }
}

ElementType softmax_type(const OnnxNode& node, ElementType element) {
  const ElementType usual = element == ElementType::f64 ? element : ElementType::f32;
  const ElementType type = node.element_type("softmax_precision", usual);
  if (!is_floating(type) || bits(type) < 16) {
    fail(ErrorCode::invalid_model, "softmax_precision is {}, expected a float type", name(type));
  }
  return type;
}

/// A size that the translation needs as a number, and not as 0, which Reshape has a meaning for.
int64_t known(const OnnxNode& node, ValueId value, size_t axis, std::string_view what) {
  const TensorType& type = node.value(value).type.tensor;
  const bool fits = type.ranked && type.dims[axis].is_constant() && type.dims[axis].value() > 0;
  if (!fits) {
    fail(ErrorCode::unsupported, "{} of {} must be known and at least 1", what, to_string(type));
  }
  return type.dims[axis].value();
}

/// Puts the nodes of a graph into the node's own; gives the values that stand for its outputs.
std::vector<ValueId> inlined(OnnxNode& node, const Graph& body,
                             const std::vector<ValueId>& inputs) {
  return splice(
      body, inputs,
      [&](const Value& value) {
        return node.graph().add_constant(value.constant, node.new_name());
      },
      [&](const Node& inner, std::vector<ValueId> given) {
        return node.add_all(inner.op, std::move(given), inner.outputs.size(), inner.subgraphs);
      });
}

/// What the graph of an attribute makes of a tensor; its type must stay. The tensor as it is where
/// there is no such graph.
ValueId modified(OnnxNode& node, std::string_view attribute, ValueId x) {
  if (!node.has(attribute)) return x;
  const Type type = node.value(x).type;
  std::vector<ValueId> captures;
  const GraphPtr body = node.subgraph(attribute, captures, {type});
  if (body->outputs().size() != 1) {
    fail(ErrorCode::invalid_model, "{} has {} outputs, expected 1", attribute,
         body->outputs().size());
  }
  std::vector<ValueId> inputs = {x};
  inputs.insert(inputs.end(), captures.begin(), captures.end());
  const ValueId y = inlined(node, *body, inputs)[0];
  const Type& result = node.value(y).type;
  bool same = result.is_tensor() && result.tensor.element == type.tensor.element &&
              (!result.tensor.ranked || result.tensor.rank() == type.tensor.rank());
  for (size_t i = 0; same && result.tensor.ranked && i < type.tensor.dims.size(); ++i) {
    const Dim &before = type.tensor.dims[i], &after = result.tensor.dims[i];
    same = before == after || !before.is_constant() || !after.is_constant();
  }
  if (!same) {
    fail(ErrorCode::invalid_model, "{} gives {}, expected {}", attribute, to_string(result),
         to_string(type));
  }
  return y;
}

/// The steps one by one. The query heads that share a head of keys are rows of one product.
void import_steps(OnnxNode& node, const std::vector<ValueId>& inputs, ElementType softmax) {
  const ElementType element = node.value(inputs[0]).type.tensor.element;
  const ElementType wider = bits(softmax) > bits(element) ? softmax : element;
  const int64_t heads = known(node, inputs[0], 1, "heads");
  const int64_t groups = known(node, inputs[1], 1, "heads");
  const auto size = static_cast<double>(known(node, inputs[0], 3, "head size"));
  const double scale = node.number("scale", 1 / std::sqrt(size));
  const auto group = [&](ValueId x) {
    return heads == groups ? x : reshaped(node, x, {0, groups, -1, 0});
  };
  const auto ungroup = [&](ValueId x) {
    return heads == groups ? x : reshaped(node, x, {0, heads, -1, 0});
  };
  const ValueId q = cast(node, inputs[0], wider), k = cast(node, inputs[1], wider);
  const ops::MatMul product{.transpose_b = true, .alpha = static_cast<float>(scale)};
  ValueId scores = ungroup(node.add(product, {group(q), k}));
  scores = modified(node, "score_mod", cast(node, scores, softmax));
  ValueId weights = node.add(ops::Softmax{}, {scores});
  weights = modified(node, "prob_mod", weights);
  const ValueId v = cast(node, inputs[2], softmax);
  const ValueId y = ungroup(node.add(ops::MatMul{}, {group(weights), v}));
  node.set_output(0, cast(node, y, element));
}

}  // namespace

/// Without graphs in between it is an Attention, unless it asks for more precision than that has.
ONNX_PREVIEW_OP(FlexAttention) {
  const std::vector<ValueId> inputs = node.inputs_padded(3);
  expect_operands(node, inputs);
  const ElementType element = node.value(inputs[0]).type.tensor.element;
  const ElementType softmax = softmax_type(node, element);
  const auto scale = static_cast<float>(node.number("scale", 0));
  const bool precise = softmax == ElementType::f64 && element != ElementType::f64;
  const bool scaled = !node.has("scale") || scale != 0;  // Attention takes 0 for none given
  if (node.has("score_mod") || node.has("prob_mod") || precise || !scaled) {
    import_steps(node, inputs, softmax);
  } else {
    node.replace_with(ops::Attention{.scale = scale}, inputs);
  }
}

}  // namespace drawbar::onnx

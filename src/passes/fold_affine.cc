#include "passes/fold_affine.h"

#include <algorithm>

#include "ops/conv/op.h"
#include "ops/matmul/op.h"
#include "ops/reshape/op.h"
#include "ops/transpose/op.h"
#include "passes/channel_affine.h"

namespace drawbar {
namespace {

using ops::Function;

/// scale · y + shift, as `function` does with y at input `side` and these numbers at the other one.
std::optional<ChannelAffine> affine_of(Function function, size_t side,
                                       const std::vector<double>& numbers) {
  const size_t n = numbers.size();
  ChannelAffine result{std::vector<double>(n, 1), std::vector<double>(n, 0)};
  switch (function) {
    case Function::Add:
      result.shift = numbers;
      return result;
    case Function::Mul:
      result.scale = numbers;
      return result;
    case Function::Sub:
      for (size_t i = 0; i < n; ++i) {
        result.scale[i] = side == 0 ? 1 : -1;
        result.shift[i] = side == 0 ? -numbers[i] : numbers[i];
      }
      return result;
    case Function::Div:
      if (side != 0) return std::nullopt;
      for (size_t i = 0; i < n; ++i) {
        if (numbers[i] == 0) return std::nullopt;
        result.scale[i] = 1 / numbers[i];
      }
      return result;
    default:
      return std::nullopt;
  }
}

Patch into_constants(const Graph& graph, NodeId id, Function function) {
  const Node& node = graph.node(id);
  for (size_t side = 0; side < 2; ++side) {
    const ValueId value = node.inputs[side];
    if (!can_absorb(graph, value)) continue;
    const auto numbers =
        per_channel(graph, node.inputs[1 - side], graph.value(value).type.tensor.rank(),
                    channel_axis(graph, value), channel_count(graph, value));
    if (!numbers) continue;
    const auto affine = affine_of(function, side, *numbers);
    if (!affine) continue;
    Patch patch(graph, id);
    patch.replace(node.outputs[0], absorb(patch, graph, value, *affine));
    return patch;
  }
  return unchanged();
}

/// The product behind a value that nothing else reads and nothing is fused into, or null.
const ops::MatMul* plain_product(const Graph& graph, ValueId value) {
  const auto* product = producer_as<ops::MatMul>(graph, value);
  const bool plain = product && product->post.empty() && has_one_reader(graph, value) &&
                     optional_input(producer(graph, value), ops::matmul_bias_input) == no_id;
  return plain ? product : nullptr;
}

std::optional<double> scale_of(const Graph& graph, const ops::Elementwise& op, ValueId number) {
  const auto scalar = scalar_of(graph, number);
  if (!scalar || !std::isfinite(*scalar)) return std::nullopt;
  if (op.function == Function::Mul) return scalar;
  if (op.function == Function::Div && *scalar != 0) return 1 / *scalar;
  return std::nullopt;
}

Patch into_alpha(const Graph& graph, NodeId id, const ops::Elementwise& op) {
  const Node& node = graph.node(id);
  for (size_t side = 0; side < (op.function == Function::Mul ? 2u : 1u); ++side) {
    const ValueId value = node.inputs[side];
    const auto* product = plain_product(graph, value);
    const auto scale = scale_of(graph, op, node.inputs[1 - side]);
    if (!product || !scale || !is_floating(element_of(graph, value)) ||
        graph.value(value).type != graph.value(node.outputs[0]).type)
      continue;
    ops::MatMul scaled = *product;
    scaled.alpha = static_cast<float>(static_cast<double>(scaled.alpha) * *scale);
    Patch patch(graph, id);
    patch.replace(node.outputs[0], patch.add(scaled, producer(graph, value).inputs));
    return patch;
  }
  return unchanged();
}

/// Whether all dimensions but the last are 1, and the last is the product's or 1.
bool is_row(const Graph& graph, ValueId value, const Dims& result) {
  if (!is_ranked_tensor(graph, value)) return false;
  const Dims& dims = dims_of(graph, value);
  if (dims.empty() || dims.size() > result.size()) return false;
  return std::all_of(dims.begin(), dims.end() - 1, [](const Dim& d) { return d == Dim(1); }) &&
         dims.back() == result.back();
}

Patch into_bias(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  for (size_t side = 0; side < 2; ++side) {
    const ValueId value = node.inputs[side], row = node.inputs[1 - side];
    const auto* product = plain_product(graph, value);
    if (!product || !is_ranked_tensor(graph, value) || !is_row(graph, row, dims_of(graph, value)))
      continue;
    std::vector<ValueId> inputs = producer(graph, value).inputs;
    inputs.resize(ops::matmul_bias_input);
    inputs.push_back(row);
    Patch patch(graph, id);
    patch.replace(node.outputs[0], patch.add(*product, inputs));
    return patch;
  }
  return unchanged();
}

/// Where `value` is another value times constants, with no other reader: that value and the other
/// operand (inverted for a division).
struct Scaled {
  ValueId source;
  ValueId factor;
  bool divided;
};
std::optional<Scaled> scaled_by_constant(const Graph& graph, ValueId value) {
  const auto* op = producer_as<ops::Elementwise>(graph, value);
  if (!op || !has_one_reader(graph, value)) return std::nullopt;
  const Node& node = producer(graph, value);
  for (size_t side = 0; side < 2; ++side) {
    const bool product = op->function == Function::Mul;
    if (!product && (op->function != Function::Div || side != 0)) continue;
    const ValueId source = node.inputs[side], factor = node.inputs[1 - side];
    if (!graph.value(factor).is_constant() || graph.value(source).type != graph.value(value).type)
      continue;
    return Scaled{source, factor, !product};
  }
  return std::nullopt;
}

Patch scale_into_convolution(const Graph& graph, NodeId id, const ops::Conv& op) {
  const Node& node = graph.node(id);
  const auto scaled = scaled_by_constant(graph, node.inputs[0]);
  const Tensor* w = constant_of(graph, node.inputs[1]);
  if (!scaled || !w || w->size() == 0 || !is_ranked_tensor(graph, node.inputs[0]))
    return unchanged();
  const int64_t channels = w->dim(1) * op.group, taps = w->size() / (w->dim(0) * w->dim(1));
  auto numbers = per_channel(graph, scaled->factor, graph.value(node.inputs[0]).type.tensor.rank(),
                             1, channels);
  if (!numbers) return unchanged();
  for (double& number : *numbers) {
    if (scaled->divided) number = 1 / number;
    if (!std::isfinite(number)) return unchanged();
  }
  Tensor weights = Tensor::allocate(w->type(), w->shape());
  for (int64_t i = 0; i < w->size(); ++i) {
    const int64_t line = i / taps, group = line / w->dim(1) / (w->dim(0) / op.group);
    const int64_t channel = group * w->dim(1) + line % w->dim(1);
    write_number(weights, i, read_number(*w, i) * (*numbers)[static_cast<size_t>(channel)]);
  }
  Patch patch(graph, id);
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = scaled->source;
  inputs[1] = patch.constant(std::move(weights));
  patch.replace(node.outputs[0], patch.add(op, inputs));
  return patch;
}

/// A scalar factor of a product's operand, behind transposes and views that do not mind; the
/// operand without it.
struct Unscaled {
  ValueId value;
  double factor;
};
std::optional<Unscaled> without_scale(Patch& patch, const Graph& graph, ValueId value) {
  std::vector<NodeId> movements;  // from the operand up
  for (ValueId at = value; has_one_reader(graph, at) && graph.value(at).producer != no_id;) {
    if (const auto scaled = scaled_by_constant(graph, at)) {
      const auto number = scalar_of(graph, scaled->factor);
      if (!number) return std::nullopt;
      ValueId source = scaled->source;
      while (!movements.empty()) {
        const Node& node = graph.node(movements.back());
        std::vector<ValueId> inputs = node.inputs;
        inputs[0] = source;
        source = patch.add(node.op, inputs, node.name);
        movements.pop_back();
      }
      return Unscaled{source, scaled->divided ? 1 / *number : *number};
    }
    const NodeId id = graph.value(at).producer;
    const Node& node = graph.node(id);
    if (!node.op.as<ops::Transpose>() && !ops::is_view(node.op)) return std::nullopt;
    movements.push_back(id);
    at = node.inputs[0];
  }
  return std::nullopt;
}

Patch scale_into_product(const Graph& graph, NodeId id, const ops::MatMul& op) {
  const Node& node = graph.node(id);
  if (!is_floating(element_of(graph, node.inputs[0]))) return unchanged();
  for (size_t i = 0; i < 2; ++i) {
    Patch patch(graph, id);
    const auto unscaled = without_scale(patch, graph, node.inputs[i]);
    if (!unscaled || !std::isfinite(unscaled->factor)) continue;
    ops::MatMul product = op;
    product.alpha = static_cast<float>(static_cast<double>(op.alpha) * unscaled->factor);
    std::vector<ValueId> inputs = node.inputs;
    inputs[i] = unscaled->value;
    patch.replace(node.outputs[0], patch.add(product, inputs));
    return patch;
  }
  return unchanged();
}

}  // namespace

Patch fold_affine(const Graph& graph, NodeId id) {
  const auto* op = graph.node(id).op.as<ops::Elementwise>();
  if (!op || ops::info(op->function).arity != 2) return unchanged();
  if (Patch patch = into_constants(graph, id, op->function)) return patch;
  if (Patch patch = into_alpha(graph, id, *op)) return patch;
  return op->function == Function::Add ? into_bias(graph, id) : unchanged();
}

Patch fold_input_scale(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (const auto* conv = node.op.as<ops::Conv>()) return scale_into_convolution(graph, id, *conv);
  if (const auto* product = node.op.as<ops::MatMul>())
    return scale_into_product(graph, id, *product);
  return unchanged();
}

}  // namespace drawbar

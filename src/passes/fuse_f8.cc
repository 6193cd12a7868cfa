#include "passes/fuse_f8.h"

#include <cmath>

#include "ops/cast/op.h"
#include "ops/matmul/op.h"
#include "ops/quantize/op.h"
#include "passes/byte_layers.h"

namespace drawbar {
namespace {

using ops::Elementwise;
using ops::Function;

/// Numbers of f8 and what they are to be multiplied by: one scale, or one for each channel.
struct Scaled {
  ValueId numbers = no_id;
  std::vector<float> scales;
};

bool is_zero(const Graph& graph, ValueId zero) {
  if (zero == no_id) return true;
  const Tensor* zeros = constant_of(graph, zero);
  for (int64_t i = 0; zeros && i < zeros->size(); ++i) {
    if (read_number(*zeros, i) != 0) return false;
  }
  return zeros != nullptr;
}

/// What the value is dequantised from; nothing where it is no f8, or a scale is no constant above
/// 0.
std::optional<Scaled> scaled_f8(const Graph& graph, ValueId value, int64_t axis, int64_t channels) {
  const auto* op = producer_as<ops::DequantizeLinear>(graph, value);
  if (op == nullptr || op->block_size != 0 || !is_ranked_tensor(graph, value)) return {};
  const Node& node = producer(graph, value);
  const Tensor* scale = constant_of(graph, node.inputs[1]);
  if (element_of(graph, node.inputs[0]) != ElementType::f8e4m3fn || scale == nullptr ||
      !is_zero(graph, optional_input(node, 2)))
    return {};
  const auto rank = static_cast<int64_t>(dims_of(graph, value).size());
  const bool along = (op->axis < 0 ? op->axis + rank : op->axis) == axis;
  if (scale->size() != 1 && !(along && scale->rank() == 1 && scale->size() == channels)) return {};
  Scaled result{node.inputs[0], {}};
  for (int64_t i = 0; i < scale->size(); ++i) {
    result.scales.push_back(static_cast<float>(read_number(*scale, i)));
    if (!std::isfinite(result.scales.back()) || result.scales.back() <= 0) return {};
  }
  return result;
}

}  // namespace

Patch fuse_f8(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* product = node.op.as<ops::MatMul>();
  const auto layer = product ? byte_layer(graph, node) : std::nullopt;
  if (!layer) return unchanged();
  const auto x = scaled_f8(graph, layer->x, -1, 1),
             w = scaled_f8(graph, layer->weights, layer->axis, layer->channels);
  if (!x || !w) return unchanged();
  const Tensor* weights = constant_of(graph, w->numbers);
  if (weights == nullptr) return unchanged();

  Patch patch(graph, id);
  const ValueId matrix =
      product->transpose_b ? w->numbers : patch.constant(transposed_bytes(*weights));
  const ElementType type = element_of(graph, node.outputs[0]);
  const bool one_scale = w->scales.size() == 1, has_bias = layer->bias != no_id;
  const float alpha = x->scales[0] * (one_scale ? w->scales[0] : 1);
  std::vector<ValueId> inputs = {x->numbers, matrix};
  const bool joined = one_scale && has_bias;  // then y is of the bias's type
  if (joined) inputs.push_back(layer->bias);
  ValueId y =
      patch.add(ops::MatMul{.transpose_b = true, .alpha = alpha}, std::move(inputs), node.name);
  if (!one_scale) {
    Tensor factors = Tensor::allocate(ElementType::f32, {layer->channels});
    std::copy(w->scales.begin(), w->scales.end(), factors.data<float>());
    y = patch.add(Elementwise(Function::Mul), {y, patch.constant(std::move(factors))});
  }
  if (!joined && type != ElementType::f32) y = patch.add(ops::Cast{.to = type}, {y});
  if (!joined && has_bias) y = patch.add(Elementwise(Function::Add), {y, layer->bias});
  patch.replace(node.outputs[0], y);
  return patch;
}

}  // namespace drawbar

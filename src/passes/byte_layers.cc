#include "passes/byte_layers.h"

#include "ops/conv/op.h"
#include "ops/matmul/op.h"

namespace drawbar {
namespace {

std::optional<ByteLayer> layer_of(const Graph& graph, const Node& node, int64_t axis,
                                  size_t bias_input) {
  const ValueId weights = node.inputs[1], bias = optional_input(node, bias_input);
  const Dim& channels = dims_of(graph, weights)[static_cast<size_t>(axis)];
  if (!channels.is_constant()) return {};
  if (bias != no_id && (!is_ranked_tensor(graph, bias) || dims_of(graph, bias).size() != 1))
    return {};
  return ByteLayer{node.inputs[0], weights, bias, axis, channels.value()};
}

/// 0 where it is not known.
size_t rank_of_weights(const Graph& graph, const Node& node) {
  return is_ranked_tensor(graph, node.inputs[1]) ? dims_of(graph, node.inputs[1]).size() : 0;
}

}  // namespace

std::optional<ByteLayer> byte_layer(const Graph& graph, const Node& node) {
  if (const auto* conv = node.op.as<ops::Conv>()) {
    if (!conv->post.empty()) return {};
    const size_t rank = rank_of_weights(graph, node);
    if (rank != 3 && rank != 4) return {};
    auto layer = layer_of(graph, node, 0, 2);
    if (!layer) return {};
    layer->groups = conv->group;
    layer->is_depthwise = conv->group != 1 && conv->group == layer->channels &&
                          dims_of(graph, layer->weights)[1] == Dim(1);
    return layer;
  }
  if (const auto* product = node.op.as<ops::MatMul>()) {
    if (product->transpose_a || product->alpha != 1 || !product->post.empty()) return {};
    if (rank_of_weights(graph, node) != 2) return {};
    return layer_of(graph, node, product->transpose_b ? 0 : 1, ops::matmul_bias_input);
  }
  return {};
}

Tensor transposed_bytes(const Tensor& matrix) {
  const int64_t rows = matrix.dim(0), columns = matrix.dim(1);
  Tensor result = Tensor::allocate(matrix.type(), {columns, rows});
  const auto* from = static_cast<const uint8_t*>(matrix.raw());
  auto* to = static_cast<uint8_t*>(result.raw());
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) to[j * rows + i] = from[i * columns + j];
  }
  return result;
}

}  // namespace drawbar

#pragma once

#include <optional>

#include "passes/match.h"

namespace drawbar {

/// A convolution or a product with weights, and what of it quantisation asks for.
struct ByteLayer {
  ValueId x, weights, bias;  // bias: no_id where there is none
  int64_t axis;              // of the weights' output channels
  int64_t channels;
  int64_t groups = 1;  // of a convolution
  bool is_depthwise = false;
};

/// The node as a layer that there are kernels of bytes for: a convolution of images or lines, or a
/// product with one matrix [K, N], or [N, K] where transposed, and a bias of rank 1; with nothing
/// fused. Says nothing of element types, nor of what is constant.
std::optional<ByteLayer> byte_layer(const Graph& graph, const Node& node);

/// [columns, rows] of a matrix [rows, columns] of elements of eight bits.
Tensor transposed_bytes(const Tensor& matrix);

}  // namespace drawbar

#pragma once

#include <optional>
#include <vector>

#include "passes/match.h"

// Arithmetic on constants per output channel of a convolution or a matrix product.

namespace drawbar {

/// y · scale + shift for every output channel.
struct ChannelAffine {
  std::vector<double> scale, shift;
};

/// A constant that holds one number, or one for each of `channels` entries along `axis` of a result
/// of rank `rank` (its own shape broadcasts): the numbers, one per channel.
std::optional<std::vector<double>> per_channel(const Graph& graph, ValueId value, int64_t rank,
                                               int64_t axis, int64_t channels);
/// The same of an f32 constant, as f32 [channels].
std::optional<Tensor> per_channel_f32(const Graph& graph, ValueId value, int64_t rank, int64_t axis,
                                      int64_t channels);

/// Whether the value is what a Conv, ConvTranspose or two-dimensional MatMul computes from constant
/// weights (and a constant bias or none) with nothing fused and no other reader, so that an affine
/// function of its channels can go into the constants.
bool can_absorb(const Graph& graph, ValueId value);
int64_t channel_axis(const Graph& graph, ValueId value);   // of such a value
int64_t channel_count(const Graph& graph, ValueId value);  // of such a value

/// The operator again with the affine function in its weights and bias; gives the new value.
ValueId absorb(Patch& patch, const Graph& graph, ValueId value, const ChannelAffine& affine);

}  // namespace drawbar

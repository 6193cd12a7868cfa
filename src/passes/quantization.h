#pragma once

#include "ops/quantize/op.h"
#include "passes/match.h"

namespace drawbar {

/// A scale and zero point that are constants: one number, or one for each output channel.
struct Quantization {
  ValueId scale = no_id, zero = no_id;
  ElementType type = ElementType::u8;  // or i8
  const Tensor* scales = nullptr;
  const Tensor* zeros = nullptr;  // null: 0

  float scale_of(int64_t channel) const {
    return scales->data<float>()[scales->size() > 1 ? channel : 0];
  }
};

/// The axis along which there may be several scales, and how many.
struct Channels {
  int64_t axis = 0, count = 1;
};

/// Of a node x, scale, zero point, whose integers are of `type`; nothing where they are no bytes,
/// or a scale is no constant, no f32, or not above 0.
std::optional<Quantization> quantization_of(const Graph& graph, const Node& node, ElementType type,
                                            int64_t axis, int64_t block_size, Channels channels);

/// The same of the integers that `value` is dequantised from.
std::optional<Quantization> dequantized(const Graph& graph, ValueId value, Channels channels);

int64_t zero_of(const Quantization& q);

/// Whether both are one scale and zero point, the same, of one type.
bool is_same(const Quantization& a, const Quantization& b);

/// The zero point of a quantisation, made where it is left out.
ValueId zero_point(Patch& patch, const Quantization& q);

}  // namespace drawbar

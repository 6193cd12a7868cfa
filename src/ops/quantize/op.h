#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// How scales and zero points lie against x, by their shape: a scalar (or [1]) holds for all of x;
/// [d_axis] for each slice along `axis`; a tensor of x's rank whose dimension `axis` is
/// ceil(d_axis / block_size) and whose others are x's, for blocks along `axis`.

/// y = saturate(round(x / scale) + zero_point), ties to even.
/// x f32, f16, bf16 or i32; scale of a float type; zero_point of type `to` (optional: 0) → y of
/// type `to`: integers of 2 to 16 bits, 8-bit floats or f4e2m1 (these cast, with `saturate` as in
/// Cast, and have zero points of 0). The quotient is rounded to `precision` (undefined in files:
/// scale's type) first. Source: ONNX QuantizeLinear-25.
struct QuantizeLinear {
  static constexpr std::string_view name = "QuantizeLinear";
  ElementType to = ElementType::u8;
  int64_t axis = 1;
  int64_t block_size = 0;
  bool saturate = true;
  ElementType precision = ElementType::f32;
  void fields(auto&& field) {
    field("to", to);
    field("axis", axis);
    field("block_size", block_size);
    field("saturate", saturate);
    field("precision", precision);
  }
};

/// y = (x - zero_point) · scale. x of a type QuantizeLinear gives or i32, scale of a float type,
/// zero_point of x's type (optional: 0) → y of type `to`. Source: ONNX DequantizeLinear-25.
struct DequantizeLinear {
  static constexpr std::string_view name = "DequantizeLinear";
  ElementType to = ElementType::f32;
  int64_t axis = 1;
  int64_t block_size = 0;
  void fields(auto&& field) {
    field("to", to);
    field("axis", axis);
    field("block_size", block_size);
  }
};

/// x f32 → y u8 of x's shape, scale f32 [], zero_point u8 []: the range of x, widened to hold 0,
/// spread over 0…255. A range of nothing has scale 1. Source: ONNX DynamicQuantizeLinear-11.
struct DynamicQuantizeLinear {
  static constexpr std::string_view name = "DynamicQuantizeLinear";
  void fields(auto&&) {}
};

void infer(const QuantizeLinear&, Infer&);
void reference(const QuantizeLinear&, Evaluation&);
Dim operations(const QuantizeLinear&, const Infer&);
bool keeps_rows(const QuantizeLinear&, const Infer&, const std::vector<bool>& batched);
void infer(const DequantizeLinear&, Infer&);
void reference(const DequantizeLinear&, Evaluation&);
Dim operations(const DequantizeLinear&, const Infer&);
bool keeps_rows(const DequantizeLinear&, const Infer&, const std::vector<bool>& batched);
void infer(const DynamicQuantizeLinear&, Infer&);
void reference(const DynamicQuantizeLinear&, Evaluation&);
Dim operations(const DynamicQuantizeLinear&, const Infer&);

/// Which scale stands for which element of x, for concrete shapes. Element (outer, a, inner) of x,
/// with `a` along the axis, has scale (outer · scale_outer + a / block · scale_axis + inner ·
/// scale_inner).
struct ScaleMap {
  int64_t outer = 1, axis = 1, inner = 1;  // x's sizes
  int64_t block = 1;
  int64_t scale_outer = 0, scale_axis = 0, scale_inner = 0;

  int64_t index(int64_t o, int64_t a, int64_t i) const {
    return o * scale_outer + a / block * scale_axis + i * scale_inner;
  }
};
/// Throws INVALID_ARGUMENT when the shapes do not fit.
ScaleMap scale_map(const Shape& x, const Shape& scale, int64_t axis, int64_t block_size);

/// The lowest and highest number of an integer type of 2 to 16 bits.
std::pair<int32_t, int32_t> integer_range(ElementType type);

/// DynamicQuantizeLinear's scale and zero point for the range [low, high] of x.
struct DynamicRange {
  float scale;
  uint8_t zero_point;
};
DynamicRange dynamic_range(float low, float high);

}  // namespace drawbar::ops

#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// Rotary position embedding: turns pairs (a, b) of a head's elements by the angle of its position
/// to (a · cos - b · sin, a · sin + b · cos).
/// x [B, H, S, D], or with `heads_last` [B, S, H, D]; cos and sin [P, R/2] with positions i64 [B,
/// S] or [1] (row s of every item stands at positions[0] + s), or [B, S, R/2] without → y of x's
/// shape. The first R elements of a head turn (`rotated`; 0: all D), the others stay; element i is
/// paired with i + R/2, or as `interleaved` element 2i with 2i + 1, and both take angle i. x, cos
/// and sin are of one float type; f16 and bf16 are computed in f32, f32 in f64 (kernels: f32).
/// Throws INVALID_ARGUMENT for a position outside [0, P). Source: ONNX RotaryEmbedding-23.
struct RotaryEmbedding {
  static constexpr std::string_view name = "RotaryEmbedding";
  int64_t rotated = 0;
  bool interleaved = false, heads_last = false;

  enum Inputs : size_t { x, cos, sin, positions };

  void fields(auto&& field) {
    field("rotated", rotated);
    field("interleaved", interleaved);
    field("heads_last", heads_last);
  }
};

/// The loops of one concrete rotation; strides count elements.
struct RotarySizes {
  enum class Positions : uint8_t { none, first, each };

  int64_t batch = 1, heads = 1, rows = 1, size = 1;
  int64_t half = 0;  // R/2
  int64_t head_stride = 0, row_stride = 0;
  Positions positions = Positions::none;
  int64_t cached = 0;  // lines of cos and sin

  /// Rows of all items, none where they hold nothing.
  int64_t all_rows() const { return heads * size == 0 ? 0 : batch * rows; }
  /// Where the first head of a row begins in x.
  int64_t offset(int64_t item, int64_t row) const {
    return item * heads * rows * size + row * row_stride;
  }
  /// The line of cos and sin for a row; throws INVALID_ARGUMENT when there is none.
  int64_t line(const int64_t* given, int64_t item, int64_t row) const;
};

/// Of operands that infer has accepted; `positions` is null where they are absent.
RotarySizes rotary_sizes(const RotaryEmbedding&, const Shape& x, const Shape& cos,
                         const Shape* positions);

void infer(const RotaryEmbedding&, Infer&);
void reference(const RotaryEmbedding&, Evaluation&);
Dim operations(const RotaryEmbedding&, const Infer&);
bool keeps_rows(const RotaryEmbedding&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

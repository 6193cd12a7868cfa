#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// Discrete Fourier transforms along one axis; the last dimension holds real and imaginary parts.
///
/// x [d0…dn, 1 or 2], float types; length [] i32 or i64 (optional: x's own along the axis), zeros
/// standing behind a shorter x and a longer one being cut; axis [] i64 (optional: the attribute),
/// not the last → y of x's type:
///     forward            y[k] = sum of x[j] e^(-2πi jk/length), [d0…length…dn, 2]
///     forward, onesided  its first length/2 + 1 points; x is real
///     inverse            y[j] = sum of x[k] e^(2πi jk/length) / length
///     inverse, onesided  x, complex, holds the points 0 … length/2 of a spectrum whose others are
///                        their conjugates: y is real, [d0…length…dn, 1]; length is 2 (points - 1)
///                        where it is absent
/// Source: ONNX DFT-20.
struct Dft {
  static constexpr std::string_view name = "DFT";
  bool inverse = false, onesided = false;
  int64_t axis = -2;
  void fields(auto&& field) {
    field("inverse", inverse);
    field("onesided", onesided);
    field("axis", axis);
  }
};

/// What concrete inputs ask for: `outer` times `inner` lines.
struct DftSizes {
  int64_t outer = 1, inner = 1;
  int64_t given = 0;   // points of a line of x
  int64_t length = 0;  // of the transform
  int64_t points = 0;  // of a line of y
  int64_t parts = 1;   // 1: x is real, 2: complex
};
/// Of shapes that inference has accepted; null length and axis are absent.
DftSizes dft_sizes(const Dft& op, const Shape& x, const Tensor* length, const Tensor* axis);

void infer(const Dft&, Infer&);
void reference(const Dft&, Evaluation&);
Dim operations(const Dft&, const Infer&);
bool keeps_rows(const Dft&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

#pragma once

#include "ir/op.h"

namespace drawbar::ops {

enum class SampleMode : uint8_t { nearest, linear, cubic };
enum class SamplePadding : uint8_t { zeros, border, reflection };

/// Interpolates x at given coordinates, -1 to 1 along each axis from edge to edge (align_corners:
/// from the middle of the first element to that of the last).
///
/// x [N, C, d1…dn], grid [N, o1…on, n] floats, the last axis's coordinate first → y [N, C, o1…on]
/// like x; float types. nearest rounds to even; cubic uses a = -0.75. What lies outside counts as
/// zero, as the border, or is reflected at the edges. Source: ONNX GridSample-22.
struct GridSample {
  static constexpr std::string_view name = "GridSample";
  SampleMode mode = SampleMode::linear;
  SamplePadding padding = SamplePadding::zeros;
  bool align_corners = false;
  void fields(auto&& field) {
    field("mode", mode);
    field("padding", padding);
    field("align_corners", align_corners);
  }
};

void infer(const GridSample&, Infer&);
void reference(const GridSample&, Evaluation&);
Dim operations(const GridSample&, const Infer&);

/// A grid for GridSample: the coordinates of every output position, transformed.
/// theta [N, 2, 3] or [N, 3, 4] floats, size [4] or [5] i64 as N, C, (D,) H, W → grid
/// [N, (D,) H, W, 2 or 3]. A single position lies in the middle. Source: ONNX AffineGrid-20.
struct AffineGrid {
  static constexpr std::string_view name = "AffineGrid";
  bool align_corners = false;
  void fields(auto&& field) { field("align_corners", align_corners); }
};

void infer(const AffineGrid&, Infer&);
void reference(const AffineGrid&, Evaluation&);

}  // namespace drawbar::ops

namespace drawbar {
template <>
struct EnumNames<ops::SampleMode> {
  static constexpr std::string_view names[] = {"nearest", "linear", "cubic"};
};
template <>
struct EnumNames<ops::SamplePadding> {
  static constexpr std::string_view names[] = {"zeros", "border", "reflection"};
};
}  // namespace drawbar

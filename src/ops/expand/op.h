#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// x, shape [n] i64 → x repeated along dimensions of 1, so that it has the shape that x and `shape`
/// broadcast to. Any element type. Source: ONNX Expand-13.
struct Expand {
  static constexpr std::string_view name = "Expand";
  void fields(auto&&) {}
};

/// x [d0…dn], repeats [n + 1] i64 → x laid side by side repeats[i] times along dimension i. Any
/// element type. Source: ONNX Tile-13.
struct Tile {
  static constexpr std::string_view name = "Tile";
  void fields(auto&&) {}
};

void infer(const Expand&, Infer&);
void infer(const Tile&, Infer&);
void reference(const Expand&, Evaluation&);
void reference(const Tile&, Evaluation&);
Dim operations(const Expand&, const Infer&);
Dim operations(const Tile&, const Infer&);

}  // namespace drawbar::ops

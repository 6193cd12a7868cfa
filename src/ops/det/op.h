#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// Determinants of the square matrices in x [..., M, M], float types → y [...]. By elimination with
/// partial pivoting, in f64. Source: ONNX Det-22.
struct Det {
  static constexpr std::string_view name = "Det";
  void fields(auto&&) {}
};

void infer(const Det&, Infer&);
void reference(const Det&, Evaluation&);
Dim operations(const Det&, const Infer&);

}  // namespace drawbar::ops

#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// Normalises over the dimensions from `axis` on: (x - mean) / sqrt(variance + epsilon) · scale +
/// bias; as RMSNormalization x / sqrt(mean of x² + epsilon) · scale + bias.
/// x [any shape], scale and bias (each optional) broadcast to x, residual (optional) of x's shape
/// is added to x first → y of x's type and shape; mean and inverse deviation [x's dimensions before
/// `axis`, then ones] in `stash` (mean is 0 for RMSNormalization); the sum x + residual.
/// Float types, computed in f32 (f64 for f64). Source: ONNX LayerNormalization-17,
/// RMSNormalization-23; onnxruntime's SkipLayerNormalization.
struct LayerNorm {
  bool root_mean_square = false;
  int64_t axis = -1;
  float epsilon = 1e-5f;
  ElementType stash = ElementType::f32;

  enum Inputs : size_t { x, scale, bias, residual };
  enum Outputs : size_t { y, mean, inverse_deviation, sum };

  std::string_view op_name() const {
    return root_mean_square ? "RMSNormalization" : "LayerNormalization";
  }
  static LayerNorm named(std::string_view name) {
    return {.root_mean_square = name == "RMSNormalization"};
  }
  void fields(auto&& field) {
    field("axis", axis);
    field("epsilon", epsilon);
    field("stash", stash);
  }
};

void infer(const LayerNorm&, Infer&);
void reference(const LayerNorm&, Evaluation&);
Dim operations(const LayerNorm&, const Infer&);
bool keeps_rows(const LayerNorm&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

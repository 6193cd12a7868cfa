#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// (x - mean) / sqrt(var + epsilon) * scale + b for every channel.
///
/// x [N, C, d1…dn], scale, b, mean and var [C] → y like x; float types, which may differ between x,
/// the pair scale and b, and the pair mean and var. x of rank 1 is one channel.
/// With `training` the mean and (population) variance are x's own, and two more outputs give
/// mean * momentum + x's * (1 - momentum), likewise var. Source: ONNX BatchNormalization-15.
struct BatchNorm {
  static constexpr std::string_view name = "BatchNorm";
  float epsilon = 1e-5f;
  bool training = false;
  float momentum = 0.9f;
  void fields(auto&& field) {
    field("epsilon", epsilon);
    field("training", training);
    field("momentum", momentum);
  }
};

void infer(const BatchNorm&, Infer&);
void reference(const BatchNorm&, Evaluation&);
Dim operations(const BatchNorm&, const Infer&);
bool keeps_rows(const BatchNorm&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

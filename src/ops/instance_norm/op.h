#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// Normalises every group of channels of every sample: (x - mean) / sqrt(variance + epsilon) ·
/// scale + bias, statistics over the group's channels and all spatial dimensions.
/// x [N, C, d1…dn], scale and bias [C] or [groups] → y of x's type and shape. `groups` divides C; 0
/// stands for one group per channel, which is InstanceNormalization. Float types, computed in f32
/// (f64 for f64). Source: ONNX GroupNormalization-18 and -21, InstanceNormalization-22.
struct GroupNorm {
  static constexpr std::string_view name = "GroupNormalization";
  int64_t groups = 0;
  float epsilon = 1e-5f;
  void fields(auto&& field) {
    field("groups", groups);
    field("epsilon", epsilon);
  }
};

void infer(const GroupNorm&, Infer&);
void reference(const GroupNorm&, Evaluation&);
Dim operations(const GroupNorm&, const Infer&);
bool keeps_rows(const GroupNorm&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

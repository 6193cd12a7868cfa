#pragma once

#include "ops/conv/op.h"

namespace drawbar::ops {

/// A convolution and the depthwise one that alone reads it, and maybe the third that alone reads
/// that, so that a target need not keep the whole tensors between them:
/// [projection(] depthwise(conv(x, w, b), depthwise_w, depthwise_b) [, projection_w, projection_b,
/// …)].
///
/// x [N, C, d1…dn], w [M, C/group, k1…kn], b [M] (optional), depthwise_w [M, 1, l1…ln], depthwise_b
/// [M] (optional), with `projects` then projection_w, projection_b (optional) and what the
/// projection's program reads besides → y, as Conv has it; all of one float type. The attributes
/// are Conv's, two or three times; the first two programs read nothing but the sums. Only targets
/// put it into graphs.
struct ConvDepthwise {
  static constexpr std::string_view name = "ConvDepthwise";
  Conv conv, depthwise;
  bool projects = false;
  Conv projection;
  void fields(auto&& field) {
    conv.fields(field);
    const auto with = [&](std::string prefix) {
      return [&field, prefix = std::move(prefix)](std::string_view name, auto& member) {
        field(prefix + std::string(name), member);
      };
    };
    depthwise.fields(with("depthwise_"));
    field("projects", projects);
    projection.fields(with("projection_"));
  }
};

void infer(const ConvDepthwise&, Infer&);
void reference(const ConvDepthwise&, Evaluation&);
Dim operations(const ConvDepthwise&, const Infer&);
bool keeps_rows(const ConvDepthwise&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

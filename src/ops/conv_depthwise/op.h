#pragma once

#include "ops/conv/op.h"

namespace drawbar::ops {

/// A convolution and the depthwise one that alone reads it, so that a target need not keep the
/// whole tensor between them: depthwise(conv(x, w, b), depthwise_w, depthwise_b).
///
/// x [N, C, d1…dn], w [M, C/group, k1…kn], b [M] (optional), depthwise_w [M, 1, l1…ln], depthwise_b
/// [M] (optional) → y [N, M, o1…on]; all of one float type. The attributes are Conv's, twice; the
/// programs read nothing but the sums. Only targets put it into graphs.
struct ConvDepthwise {
  static constexpr std::string_view name = "ConvDepthwise";
  Conv conv, depthwise;
  void fields(auto&& field) {
    conv.fields(field);
    depthwise.fields([&](std::string_view name, auto& member) {
      field("depthwise_" + std::string(name), member);
    });
  }
};

void infer(const ConvDepthwise&, Infer&);
void reference(const ConvDepthwise&, Evaluation&);
Dim operations(const ConvDepthwise&, const Infer&);
bool keeps_rows(const ConvDepthwise&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

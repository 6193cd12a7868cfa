#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// Local response normalisation across channels:
/// y = x / (bias + alpha / size * sum)^beta, the sum being that of the squares of the channels
/// c - floor((size - 1) / 2) … c + ceil((size - 1) / 2) of the same position.
/// x [N, C, d1…dn], float types → y same. Source: ONNX LRN-13.
struct Lrn {
  static constexpr std::string_view name = "LRN";
  int64_t size = 1;
  float alpha = 1e-4f, beta = 0.75f, bias = 1;
  void fields(auto&& field) {
    field("size", size);
    field("alpha", alpha);
    field("beta", beta);
    field("bias", bias);
  }
};

void infer(const Lrn&, Infer&);
void reference(const Lrn&, Evaluation&);
Dim operations(const Lrn&, const Infer&);
bool keeps_rows(const Lrn&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

#pragma once

#include "ops/conv/op.h"
#include "ops/pool/op.h"

namespace drawbar::ops {

/// A convolution and the MaxPool that alone reads it, so that a target need not write the tensor
/// between them: pool(conv(x, w, b)).
///
/// x [N, C, d1…dn], w [M, C/group, k1…kn], b [M] (optional) → y [N, M, o1…on]; all of one float
/// type. The attributes are Conv's and, behind "pool_", MaxPool's; the program reads nothing but
/// the sums. Only targets put it into graphs.
struct ConvPool {
  static constexpr std::string_view name = "ConvPool";
  Conv conv;
  Pool pool;
  void fields(auto&& field) {
    conv.fields(field);
    pool.fields(
        [&](std::string_view name, auto& member) { field("pool_" + std::string(name), member); });
  }
};

void infer(const ConvPool&, Infer&);
void reference(const ConvPool&, Evaluation&);
Dim operations(const ConvPool&, const Infer&);
bool keeps_rows(const ConvPool&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

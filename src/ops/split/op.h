#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// x, sizes [outputs] i64 (optional, stands for the attribute) → pieces of x along `axis`. Without
/// sizes, equal pieces, of which the last ones may be smaller or empty. Any element type. Source:
/// ONNX Split-18.
struct Split {
  static constexpr std::string_view name = "Split";
  int64_t axis = 0;
  std::vector<int64_t> sizes;
  void fields(auto&& field) {
    field("axis", axis);
    field("sizes", sizes);
  }
};

void infer(const Split&, Infer&);
void reference(const Split&, Evaluation&);
Dim operations(const Split&, const Infer&);
bool keeps_rows(const Split&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

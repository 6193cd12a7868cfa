#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// x0, x1, … (same element type, same sizes but along `axis`) → one after the other along the axis.
/// Any element type. Source: ONNX Concat-13.
struct Concat {
  static constexpr std::string_view name = "Concat";
  int64_t axis = 0;
  void fields(auto&& field) { field("axis", axis); }
};

void infer(const Concat&, Infer&);
void reference(const Concat&, Evaluation&);
Dim operations(const Concat&, const Infer&);
bool keeps_rows(const Concat&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

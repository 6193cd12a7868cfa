#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// y = x, any value (tensor, sequence, optional, map). A view. Source: ONNX Identity-21.
struct Identity {
  static constexpr std::string_view name = "Identity";
  void fields(auto&&) {}
};

void infer(const Identity&, Infer&);
void reference(const Identity&, Evaluation&);
Dim operations(const Identity&, const Infer&);
bool keeps_rows(const Identity&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

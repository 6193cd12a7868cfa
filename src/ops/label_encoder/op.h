#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// Each element looked up among keys.
/// x [any shape], keys [n] of x's type, ascending (of equal ones the last counts), values [n],
/// fallback [1] of the values' type for what is no key (absent: INVALID_ARGUMENT while running)
/// → y of x's shape and the values' type. Not-a-number equals itself and comes last, 0 equals -0.
/// Numbers and strings. Sources: ONNX-ML LabelEncoder-4, CategoryMapper-1, OneHotEncoder-1.
struct LabelEncoder {
  static constexpr std::string_view name = "LabelEncoder";
  void fields(auto&&) {}
};

void infer(const LabelEncoder&, Infer&);
void reference(const LabelEncoder&, Evaluation&);
bool keeps_rows(const LabelEncoder&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// exp(x - max) / sum along one axis; `log` gives its logarithm. x [any shape], float types → y
/// same. Source: ONNX Softmax-13, LogSoftmax-13.
struct Softmax {
  static constexpr std::string_view name = "Softmax";
  int64_t axis = -1;
  bool log = false;
  void fields(auto&& field) {
    field("axis", axis);
    field("log", log);
  }
};

/// 1 where the largest element along one axis stands (the first of equal ones), 0 elsewhere.
/// x [any shape], float types → y same. Source: ONNX Hardmax-13.
struct Hardmax {
  static constexpr std::string_view name = "Hardmax";
  int64_t axis = -1;
  void fields(auto&& field) { field("axis", axis); }
};

void infer(const Softmax&, Infer&);
void reference(const Softmax&, Evaluation&);
Dim operations(const Softmax&, const Infer&);
bool keeps_rows(const Softmax&, const Infer&, const std::vector<bool>& batched);

void infer(const Hardmax&, Infer&);
void reference(const Hardmax&, Evaluation&);

}  // namespace drawbar::ops

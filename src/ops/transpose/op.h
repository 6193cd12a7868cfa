#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// x → y with y's dimension i being x's dimension permutation[i]; an empty permutation reverses the
/// dimensions. Any element type. Source: ONNX Transpose-25.
struct Transpose {
  static constexpr std::string_view name = "Transpose";
  std::vector<int64_t> permutation;
  void fields(auto&& field) { field("permutation", permutation); }

  /// The permutation for that rank; throws INVALID_MODEL when it is none.
  std::vector<int64_t> resolved(int64_t rank) const;
};

void infer(const Transpose&, Infer&);
void reference(const Transpose&, Evaluation&);
Dim operations(const Transpose&, const Infer&);
bool keeps_rows(const Transpose&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops

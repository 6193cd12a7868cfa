#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// x [d0…dn], indices (any shape, i32 or i64) → x's slices along `axis` in the order of the
/// indices: [d0…d(axis-1), indices' shape, d(axis+1)…dn]. Negative indices count from the back. Any
/// element type. Throws INVALID_ARGUMENT for an index out of range. Source: ONNX Gather-13.
struct Gather {
  static constexpr std::string_view name = "Gather";
  int64_t axis = 0;
  void fields(auto&& field) { field("axis", axis); }
};

/// x, indices (x's rank, no larger than x but along `axis`) → y of the indices' shape, each element
/// from its own position but along the axis: y[i][j] = x[indices[i][j]][j] for axis 0. Source: ONNX
/// GatherElements-13.
struct GatherElements {
  static constexpr std::string_view name = "GatherElements";
  int64_t axis = 0;
  void fields(auto&& field) { field("axis", axis); }
};

/// x [b…, d0…], indices [b…, i…, k] i64 → [b…, i…, d(k)…]: every line of k indices names a slice of
/// x within its batch. Source: ONNX GatherND-13.
struct GatherND {
  static constexpr std::string_view name = "GatherND";
  int64_t batch_dims = 0;
  void fields(auto&& field) { field("batch_dims", batch_dims); }
};

void infer(const Gather&, Infer&);
void infer(const GatherElements&, Infer&);
void infer(const GatherND&, Infer&);
void reference(const Gather&, Evaluation&);
void reference(const GatherElements&, Evaluation&);
void reference(const GatherND&, Evaluation&);
Dim operations(const Gather&, const Infer&);
bool keeps_rows(const Gather&, const Infer&, const std::vector<bool>& batched);
Dim operations(const GatherElements&, const Infer&);
Dim operations(const GatherND&, const Infer&);

}  // namespace drawbar::ops

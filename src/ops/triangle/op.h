#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// x [..., rows, columns], k [] i64 (optional: 0) → x with zeros below diagonal k (upper) or above
/// it; k > 0 lies above the main diagonal. Numbers and bool. Source: ONNX Trilu-14.
struct Trilu {
  static constexpr std::string_view name = "Trilu";
  bool upper = true;
  void fields(auto&& field) { field("upper", upper); }
};

void infer(const Trilu&, Infer&);
void reference(const Trilu&, Evaluation&);
Dim operations(const Trilu&, const Infer&);

}  // namespace drawbar::ops

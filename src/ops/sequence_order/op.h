#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// x, lengths [batch] i64 → x with the first lengths[n] time steps of batch n in reverse order. The
/// batch and time dimensions are 0 and 1, or 1 and 0. Any element type. Source: ONNX
/// ReverseSequence-10.
struct ReverseSequence {
  static constexpr std::string_view name = "ReverseSequence";
  int64_t batch_axis = 1, time_axis = 0;
  void fields(auto&& field) {
    field("batch_axis", batch_axis);
    field("time_axis", time_axis);
  }
};

void infer(const ReverseSequence&, Infer&);
void reference(const ReverseSequence&, Evaluation&);
Dim operations(const ReverseSequence&, const Infer&);

}  // namespace drawbar::ops

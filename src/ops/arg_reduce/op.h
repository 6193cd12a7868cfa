#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// Where the largest (ArgMin: smallest) element along one axis is.
/// x [any shape], number types → y i64: x's shape with that dimension 1, or without it when
/// `keep_dims` is false. Of equal elements the first counts, or the last one. Not-a-number counts
/// as the largest (smallest) of all. Source: ONNX ArgMax-13, ArgMin-13.
struct ArgReduce {
  bool minimum = false;
  int64_t axis = 0;
  bool keep_dims = true;
  bool select_last = false;

  std::string_view op_name() const { return minimum ? "ArgMin" : "ArgMax"; }
  static ArgReduce named(std::string_view name) { return {.minimum = name == "ArgMin"}; }
  void fields(auto&& field) {
    field("axis", axis);
    field("keep_dims", keep_dims);
    field("select_last", select_last);
  }
};

void infer(const ArgReduce&, Infer&);
void reference(const ArgReduce&, Evaluation&);
Dim operations(const ArgReduce&, const Infer&);

}  // namespace drawbar::ops

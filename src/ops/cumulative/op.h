#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// The family CumSum, CumProd: x, axis [] i64 → the sums (products) of x's elements up to each
/// position along the axis; without its own element when `exclusive`, from the end when `reverse`.
/// Number types; narrow floats are accumulated in f32, integers wrap around. Source: ONNX
/// CumSum-14, CumProd-26.
struct Cumulative {
  bool product = false;
  bool exclusive = false, reverse = false;

  std::string_view op_name() const { return product ? "CumProd" : "CumSum"; }
  static Cumulative named(std::string_view name) { return {.product = name == "CumProd"}; }
  void fields(auto&& field) {
    field("exclusive", exclusive);
    field("reverse", reverse);
  }
};

void infer(const Cumulative&, Infer&);
void reference(const Cumulative&, Evaluation&);

}  // namespace drawbar::ops

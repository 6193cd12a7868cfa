#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// An optional that holds the input, or, without one, an empty optional whose element would be of
/// `type` ("f32[3]", "seq(f32[*])"). Source: ONNX Optional-15.
struct Optional {
  static constexpr std::string_view name = "Optional";
  std::string type;
  void fields(auto&& field) { field("type", type); }
};

/// What an optional holds; any other value as it is. An empty one is INVALID_ARGUMENT while
/// running. Source: ONNX OptionalGetElement-18.
struct OptionalGetElement {
  static constexpr std::string_view name = "OptionalGetElement";
  void fields(auto&&) {}
};

/// bool[]: whether the input is there and, if it is an optional, holds something. Source: ONNX
/// OptionalHasElement-18.
struct OptionalHasElement {
  static constexpr std::string_view name = "OptionalHasElement";
  void fields(auto&&) {}
};

void infer(const Optional&, Infer&);
void infer(const OptionalGetElement&, Infer&);
void infer(const OptionalHasElement&, Infer&);
void reference(const Optional&, Evaluation&);
void reference(const OptionalGetElement&, Evaluation&);
void reference(const OptionalHasElement&, Evaluation&);

}  // namespace drawbar::ops

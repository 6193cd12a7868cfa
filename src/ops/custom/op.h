#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// An operator of a plug-in (include/drawbar/plugin.h). In text it is
///     %y = Custom(%x) {operator = "com.example.Snake", alpha = 0.5}
/// with the attributes as the model gave them. Inputs and outputs: what the plug-in says. Throws
/// UNSUPPORTED where the plug-in is not loaded, and where inputs are not tensors of known rank and
/// of an element type that plug-ins know.
struct Custom {
  static constexpr std::string_view name = "Custom";
  static constexpr std::string_view reserved = "operator";  // among the attributes' names
  std::string op;                                           // "com.example.Snake"
  Attributes attributes;
};

void infer(const Custom&, Infer&);
void reference(const Custom&, Evaluation&);

}  // namespace drawbar::ops

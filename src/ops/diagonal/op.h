#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// x, where dimensions `first` and `second` (of the same size) run together: the result lacks the
/// second, y[…i…] = x[…i…i…]. Any element type. What Einsum makes of an index named twice.
struct Diagonal {
  static constexpr std::string_view name = "Diagonal";
  int64_t first = 0, second = 1;
  void fields(auto&& field) {
    field("first", first);
    field("second", second);
  }
};

void infer(const Diagonal&, Infer&);
void reference(const Diagonal&, Evaluation&);
Dim operations(const Diagonal&, const Infer&);

}  // namespace drawbar::ops

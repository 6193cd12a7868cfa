#pragma once

#include <string>

#include "ir/graph.h"

namespace drawbar {

/// What one input of a case says: "f32[3, 7]", "i64[2] = [1, 2]", "const f32[64, 3, 3, 3]".
struct InputText {
  Type type;
  Tensor values;          // of "= […]", else none
  bool constant = false;  // "const …" or with values

  explicit InputText(const std::string& text);
};

/// Numbers in [low, high): floats uniform, integers whole (in [-8, 8) when the range is the default
/// [-1, 1)), unsigned ones not below 0; booleans and strings at random. Compound types get three
/// elements (an optional one).
Tensor draw(const Type& type, uint64_t seed, double low = -1, double high = 1);

/// The numbers tests put in the place of symbols: another one for each, small.
Bindings bind_symbols(const Graph& graph);

}  // namespace drawbar

#pragma once

#include <map>

#include "ir/graph.h"

namespace drawbar {

/// What the integers of a value count: (integer - zero) · scale; both are values of its graph,
/// constants of one number, `zero` is no_id where it is left out (0).
struct ByteScale {
  ValueId scale = no_id, zero = no_id;
};

/// Of the u8 and i8 values that quantisation, quantised operators and what moves their results
/// give, where scale and zero point are constants and one number each.
std::map<ValueId, ByteScale> byte_scales(const Graph& graph);

}  // namespace drawbar

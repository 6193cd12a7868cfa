#pragma once

#include <vector>

#include "targets/cpu/kernel.h"

namespace drawbar::cpu {

/// The memory of a value that is a slice of the channels of a wider channels-last value: its pixels
/// begin at `channel` of the pixels of `of`, which are `pitch` elements apart.
struct Slice {
  ValueId of = no_id;  // no_id: memory of its own; never itself a slice
  int64_t channel = 0;
  int64_t pitch = 0;
};

/// Concatenations along the channels whose inputs are written where they belong, so that nothing is
/// copied: for every value of the graph whether it is a slice. A value is one when a concatenation
/// alone reads it and some tactic of its producer writes slices. `graph` has concrete shapes and
/// layouts.
std::vector<Slice> find_slices(const Graph& graph, int threads, Isa isa);

}  // namespace drawbar::cpu

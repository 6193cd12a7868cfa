#pragma once

#include "ir/graph.h"
#include "targets/cpu/isa.h"

namespace drawbar::cpu {

/// Assigns memory orders: operators whose rule is channels_last get their rank-4 f32 tensors so,
/// those that take any order follow their inputs, everything else stays row-major. Reorder nodes
/// stand at the borders:
///
///     %y = Conv(%x, %w)         %c: …:channels_last = Reorder(%x)
///     return %y            →    %d: …:channels_last = Conv(%c, %w)
///                               %y = Reorder(%d)
///
/// A node is only moved when some tactic takes its operands in that order; its first input stays
/// as it is where one takes that.
Graph assign_layouts(const Graph& graph, Isa isa);

}  // namespace drawbar::cpu

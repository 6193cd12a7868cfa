#pragma once

#include "targets/cpu/isa.h"
#include "targets/layout.h"

namespace drawbar::cpu {

/// drawbar::assign_layouts by the rules and tactics of this target.
Graph assign_layouts(const Graph& graph, Isa isa);

}  // namespace drawbar::cpu

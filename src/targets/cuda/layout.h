#pragma once

#include "targets/cuda/tactic.h"

namespace drawbar::cuda {

/// What is planned: assign_layouts and then join_sums by the rules and tactics of this target.
Graph laid_out(const Graph& graph, const GpuInfo& gpu);

}  // namespace drawbar::cuda

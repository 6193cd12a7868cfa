#pragma once

#include "targets/cuda/tactic.h"

namespace drawbar::cuda {

/// drawbar::assign_layouts by the rules and tactics of this target.
Graph assign_layouts(const Graph& graph, const GpuInfo& gpu);

}  // namespace drawbar::cuda

#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Removes nodes and values that no output needs, and numbers the rest in execution order.
void remove_unused(Graph& graph, const PassOptions& options);

}  // namespace drawbar

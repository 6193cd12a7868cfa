#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Reads an operand without its expansion where a pointwise operator broadcasts anyway:
///
///     %b = Expand(%a, %shape)
///     %y = Add(%x, %b)            →     %y = Add(%x, %a)
Patch drop_expands(const Graph& graph, NodeId node);

}  // namespace drawbar

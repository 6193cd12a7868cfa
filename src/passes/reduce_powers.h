#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Powers with a small constant exponent become products and roots:
///
///     %y = Pow(%x, 2)     →     %y = Mul(%x, %x)
///
/// likewise 3, 0.5, -0.5 and -1, for floats.
Patch reduce_powers(const Graph& graph, NodeId node);

}  // namespace drawbar

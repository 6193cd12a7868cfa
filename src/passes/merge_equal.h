#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Computes equal things once: constants of equal contents become one, and of deterministic nodes
/// with equal operators and inputs the first stays.
///
///     %a = Relu(%x); %b = Relu(%x); %y = Add(%a, %b)     →     %a = Relu(%x); %y = Add(%a, %a)
void merge_equal(Graph& graph, const PassOptions& options);

}  // namespace drawbar

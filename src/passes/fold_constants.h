#pragma once

#include "passes/pass.h"

namespace drawbar {

/// Computes nodes whose inputs are all constants, with the operator's reference:
///
///     %s = Add(const, const)     →     %s = const
///
/// Left alone are operators that are not deterministic, have subgraphs or no reference, or fail on
/// these inputs; results above max(4 × the inputs' bytes, 1 MiB) or beyond options.fold_budget in
/// all; and a DequantizeLinear of weights that meet dequantised data, which targets fuse.
void fold_constants(Graph& graph, const PassOptions& options);

/// The same of weights that wait for a quantised operator, once those there can be are made: what
/// an operator in f32 reads shall not be dequantised in each run.
void fold_dequantized(Graph& graph, const PassOptions& options);

}  // namespace drawbar

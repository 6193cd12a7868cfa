#pragma once

#include <string>
#include <vector>

#include "passes/pass.h"

namespace drawbar {

/// The target-neutral passes before operators join into kernels: constants are in the weights,
/// every operator still stands by itself. What quantisation works on.
Graph prepare(Graph graph, const PassOptions& options = {});
/// The rest of them, for a graph that `prepare` has seen.
Graph fuse(Graph graph, const PassOptions& options = {});

/// Runs all target-neutral passes in their order (the tables in pipeline.cc): `prepare`, then
/// `fuse`. The result computes the same, up to the rounding that reordered arithmetic brings.
/// Throws INVALID_ARGUMENT when the options name a pass that there is not, and what the graph's own
/// contradictions throw.
Graph optimize(Graph graph, const PassOptions& options = {});

/// What sizes that became numbers make possible: dimensions of 1 move for free, shapes are known,
/// more operators join. For a graph that `optimize` has seen and `Graph::specialize` has bound;
/// takes milliseconds.
Graph refine(Graph graph, const PassOptions& options = {});

/// The passes' names in their order, each once.
std::vector<std::string> pass_names();

/// One pass by name: what tests and `--dump-after` need. Throws INVALID_ARGUMENT.
const Pass& pass_named(std::string_view name);

}  // namespace drawbar

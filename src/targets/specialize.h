#pragma once

#include "drawbar/engine.h"
#include "ir/graph.h"

namespace drawbar {

/// The graph for concrete input types: symbols bound, shape computations turned into constants,
/// branches that are decided taken, movements of dimensions of 1 for free (passes' refine). What
/// remains unknown depends on data.
Graph specialize_for(const Graph& graph, const Bindings& bindings);

/// The symbols of inputs' types for shapes of all inputs.
Bindings bindings_of(const Graph& graph, const InputShapes& shapes);

}  // namespace drawbar

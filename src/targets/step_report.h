#pragma once

#include "drawbar/report.h"
#include "ir/graph.h"

namespace drawbar {

/// What a node's line of a report says whoever runs it: names, shapes, bytes and nominal
/// operations, as far as they are known. The tactic and what it executes are left to the target.
StepReport describe_step(const Graph& graph, const Node& node);

/// "x=f32[1, 3, 224, 224], …" of the graph's inputs.
std::string describe_inputs(const Graph& graph);

}  // namespace drawbar

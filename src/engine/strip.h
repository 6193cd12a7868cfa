#pragma once

#include "ir/graph.h"

namespace drawbar {

/// The same graph with its large constants of numbers described instead of stored: drawn when they
/// are needed, from a normal distribution of their mean and deviation (Constant). It runs at the
/// same speed and answers nonsense; refit() gives it weights again. Subgraphs are rewritten too.
Graph strip_weights(Graph graph);

/// A stripped graph with the weights of `source`, the graph of the model it was compiled of,
/// optimised in the same way. Throws INVALID_ARGUMENT naming the first node that differs.
Graph refit(const Graph& stripped, const Graph& source);

}  // namespace drawbar

#pragma once

#include <cstdint>

#include "ir/graph.h"

namespace drawbar {

/// A valid graph drawn from the seed: up to `nodes` operators of the kinds that networks are made
/// of (convolution, pooling, products, pointwise chains, reductions, normalisation, data movement,
/// shape computations), one symbolic batch "N", residual joins and dead ends. Values stay bounded,
/// and no operator amplifies rounding, so that an optimised graph answers nearly the same.
Graph random_graph(uint64_t seed, int nodes = 14);

/// Inputs for it, with N = `batch`.
std::vector<Tensor> random_inputs(const Graph& graph, uint64_t seed, int64_t batch);

}  // namespace drawbar

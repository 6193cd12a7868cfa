#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "ir/graph.h"

namespace drawbar {

/// The text form of a graph. Small constants stand in it; larger ones are named by their hash:
///
///     graph main(%x: f32[N, 3, 224, 224]) {
///       %w = const f32[64, 3, 7, 7] @0123456789abcdef0123456789abcdef
///       %two = const i64[2] [1, -1]
///       %seeded = const f32[8, 8] normal(0.0, 0.02, 7)
///       %y: f32[N, 64, 112, 112] = Conv(%x, %w, _) {strides = [2, 2]} "conv1"
///       return %y as "logits"
///     }
///
/// Types of node outputs are inferred again when read; a written one must agree. `_` is an absent
/// input, `{…}` holds attributes that differ from their defaults, subgraphs follow the node's name.
std::string print(const Graph& graph);
std::string print_node(const Graph& graph, NodeId node);  // one line, without subgraphs

/// Finds a constant by the hash in the text; throws when there is none.
using ConstantSource =
    std::function<ConstantPtr(std::string_view hash, ElementType type, const Shape& shape)>;

/// Reads the text form. Throws INVALID_MODEL with the line. Safe on any bytes: nesting is limited
/// to 32 subgraphs, and nothing allocates beyond a small multiple of the text (except what `source`
/// and stated constants of at most 64 elements take).
Graph parse(std::string_view text, const ConstantSource& source = {});

/// Checks the graph's own rules: every value defined once and before its uses, uses and producers
/// consistent, types as inference gives them. Throws INTERNAL naming the node.
void verify(const Graph& graph);

}  // namespace drawbar

#pragma once

#include <optional>
#include <vector>

#include "passes/match.h"

// Pointwise nodes as programs, and what grows out of several.

namespace drawbar {

/// Fused programs stay below these, so that kernels keep their values in registers and caches.
inline constexpr int most_fused_inputs = 8;
inline constexpr int most_fused_instructions = 32;

/// A program and the values its inputs read, each once.
struct Fused {
  ops::Program program;
  std::vector<ValueId> inputs;
};

/// A pointwise node over f32 (and bool conditions) as a program; constants of one element become
/// part of it. Nothing for other nodes, and where such a constant alone gives the result its rank.
std::optional<Fused> as_program(const Graph& graph, NodeId node);

/// `then` with `first` in the place of its input `input`. Nothing when that exceeds the limits.
std::optional<Fused> fuse(const Fused& first, const Fused& then, size_t input);

/// Makes one input of those that read the same value, from input `from` on.
void merge_equal_inputs(ops::Program& program, std::vector<ValueId>& inputs, size_t from = 0);

/// Whether every reader of the value is one of these nodes, and no graph output is it.
bool is_read_only_by(const Graph& graph, ValueId value, const std::vector<NodeId>& nodes);

/// Whether node `a` comes after node `b` where data flow leaves a choice.
bool comes_later(const Graph& graph, NodeId a, NodeId b);

}  // namespace drawbar

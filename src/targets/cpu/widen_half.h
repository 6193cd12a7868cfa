#pragma once

#include "ir/graph.h"
#include "targets/cpu/isa.h"

namespace drawbar::cpu {

/// Computes in f32 what has kernels for f32 and none for f16 or bf16. Values between such nodes
/// stay f32 (they are not rounded in between); casts stand where halves enter and leave:
///
///     %y = Conv(%x, %w)                %a: f32 = Cast(%x)
///     %z = Relu(%y)             →      %b: f32 = Conv(%a, %w)
///     return %z                        %c: f32 = Relu(%b)
///                                      %z: f16 = Cast(%c)
///
/// Constants that the node's kernels read as halves (`Op::half_weights`) stay so.
/// Operators that only move elements follow what their input is. A graph without halves comes back
/// as it is.
Graph widen_half(const Graph& graph, Isa isa);

}  // namespace drawbar::cpu

#pragma once

#include "ir/graph.h"

namespace drawbar {

/// The same graph with its large constant weights rounded to f16 or bf16: those that operators read
/// as halves (`Op::half_weights`: of products, convolutions, recurrent cells), and tables that rows
/// are gathered of, which a Cast behind makes f32 again. All arithmetic stays in f32. A tensor with
/// a number that does not fit (f16: above 65504) and one of fewer than 1,024 numbers stay f32.
/// Subgraphs are rewritten too.
Graph store_half(Graph graph, ElementType half);

}  // namespace drawbar

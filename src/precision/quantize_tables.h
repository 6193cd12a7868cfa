#pragma once

#include "ir/graph.h"

namespace drawbar {

/// Stores the large constant tables [rows, columns] of f32 that rows are gathered of as i8 with a
/// scale for each row (symmetric, the largest number of a row is 127 steps), and multiplies what is
/// gathered: a quarter of the memory, with no samples asked for. Tables of fewer than 1,024
/// numbers, or with a number that is not finite, stay as they are.
void quantize_tables(Graph& graph);

}  // namespace drawbar

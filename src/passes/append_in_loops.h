#pragma once

#include "passes/pass.h"

namespace drawbar {

/// A value that a loop carries only to add to its end is copied once, not in each iteration:
///
///     %y = Loop(%n, _, %x) {carried = 1} graph body(%i, %c, %x) {
///       %piece = …
///       %next = Concat(%x, %piece)
///       return %c, %next
///     }
///                          →     %y = Loop(%n, _, %x) {appended = 1} graph body(%i, %c) {
///                                  %piece = …
///                                  return %c, %piece
///                                }
void append_in_loops(Graph& graph, const PassOptions& options);

}  // namespace drawbar

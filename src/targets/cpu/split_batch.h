#pragma once

#include "base/threads.h"
#include "targets/cpu/plan.h"

namespace drawbar::cpu {

/// The symbol that is the first dimension of the first batched graph input, and its number.
struct Batch {
  std::string symbol;
  int64_t size = 0;
};
std::optional<Batch> batch_of(const Graph& graph, const Bindings& bindings);

/// Large activations are best kept in a core's own cache: the graph's beginning runs on a part of
/// the batch at a time, each thread on parts of its own, which also spares it all waiting for
/// others. Large weights are best read once: from some node on the whole batch stays together.
/// Which rows at a time and up to which node is remembered from an earlier timing, timed now (with
/// `context.timing_pool`), or else estimated by the bytes that either way reads from memory.
///
/// `whole` and what `part` gives for a number of rows are specialised and have layouts.
Graph split_batch(Graph whole, int64_t batch, FunctionRef<Graph(int64_t rows)> part,
                  const PlanContext& context);

}  // namespace drawbar::cpu

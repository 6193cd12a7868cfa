#pragma once

#include <functional>

#include "targets/operand.h"

namespace drawbar {

/// Whether a target runs the operator on these operands in their orders.
using TakesNode = std::function<bool(const Op& op, std::span<const Operand> inputs,
                                     std::span<const Operand> outputs)>;

/// Whether one node reads the value, and nothing else does.
bool is_read_once(const Graph& graph, ValueId id);

/// Puts a node of `op` in the place of `second`, which alone reads what `first` makes, where sizes
/// are known and the target takes it. What nothing reads then is left to remove_dead.
void join_nodes(Graph& graph, const Node& first, const Node& second, const Op& op,
                const std::vector<ValueId>& inputs, const TakesNode& takes);

}  // namespace drawbar

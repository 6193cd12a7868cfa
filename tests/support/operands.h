#pragma once

#include <optional>

#include "targets/layout.h"
#include "tests/support/one_node.h"

namespace drawbar {

struct Operands {
  std::vector<Operand> inputs, outputs;
};

/// Nothing when the node has values that are no tensors of plain numbers.
std::optional<Operands> row_major_operands(const OneNode& one);

/// As the layout assignment marks operands (targets/layout.cc); nothing where it marks none.
std::optional<Operands> channels_last_operands(Operands operands, LayoutRule rule);

/// Copies between a row-major tensor and memory in the operand's order (elements of at least a
/// byte).
void copy_in(const Operand& operand, const Tensor& value, void* to);
Tensor copy_out(const Operand& operand, const void* from);

}  // namespace drawbar

#pragma once

#include "targets/operand.h"

namespace drawbar {

/// How an operator gets on with memory orders. Rank-4 tensors of f32, i32 or bytes may be stored
/// channels-last.
enum class LayoutRule : uint8_t {
  row_major,      // knows only row-major
  channels_last,  // its first input and output are channels-last when `applies` says so, or the
                  // output alone (convolution, pooling)
  any,  // every full-rank operand in one order, whichever (pointwise, concat along channels…)
};

/// What a target knows of memory orders.
class LayoutRules {
 public:
  virtual ~LayoutRules() = default;
  virtual LayoutRule rule(std::string_view op) const = 0;
  /// Whether it runs the operator on these operands in their orders.
  virtual bool takes(const Op& op, std::span<const Operand> inputs,
                     std::span<const Operand> outputs) const = 0;
};

/// Assigns memory orders: operators whose rule is channels_last get their rank-4 f32 tensors so,
/// those that take any order follow their inputs, everything else stays row-major. Reorder nodes
/// stand at the borders:
///
///     %y = Conv(%x, %w)         %c: …:channels_last = Reorder(%x)
///     return %y            →    %d: …:channels_last = Conv(%c, %w)
///                               %y = Reorder(%d)
///
/// A node is only moved when some tactic takes its operands in that order; its first input stays
/// as it is where one takes that.
Graph assign_layouts(const Graph& graph, const LayoutRules& rules);

}  // namespace drawbar

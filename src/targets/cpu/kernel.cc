#include "targets/cpu/kernel.h"

#include <algorithm>

#include "targets/tactic_registry.h"

namespace drawbar::cpu {
namespace {

using Registry = TacticRegistry<Tactic>;

}  // namespace

bool Tactic::takes(const Problem& problem) const {
  const auto is_slice = [](const Operand& operand) { return operand.pitch != 0; };
  return (writes_slices ||
          std::none_of(problem.outputs.begin(), problem.outputs.end(), is_slice)) &&
         applies(problem);
}

bool some_tactic_takes(const Problem& problem) {
  const auto tactics = tactics_for(problem.op.name());
  return std::any_of(tactics.begin(), tactics.end(),
                     [&](const Tactic& tactic) { return tactic.takes(problem); });
}

void register_tactic(const Tactic& tactic) { Registry::instance().add(tactic); }
void register_layout_rule(std::string_view op, LayoutRule rule) {
  Registry::instance().set_rule(op, rule);
}

std::span<const Tactic> tactics_for(std::string_view op) {
  return Registry::instance().tactics_for(op);
}

LayoutRule layout_rule(std::string_view op) { return Registry::instance().rule(op); }

}  // namespace drawbar::cpu

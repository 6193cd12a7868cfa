#include "targets/cpu/kernel.h"

#include <algorithm>
#include <map>
#include <vector>

namespace drawbar::cpu {
namespace {

std::map<std::string_view, std::vector<Tactic>>& tactics() {
  static std::map<std::string_view, std::vector<Tactic>> all;
  return all;
}

std::map<std::string_view, LayoutRule>& rules() {
  static std::map<std::string_view, LayoutRule> all;
  return all;
}

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

void register_tactic(const Tactic& tactic) { tactics()[tactic.op].push_back(tactic); }
void register_layout_rule(std::string_view op, LayoutRule rule) { rules()[op] = rule; }

std::span<const Tactic> tactics_for(std::string_view op) {
  const auto found = tactics().find(op);
  if (found == tactics().end()) return {};
  return found->second;
}

LayoutRule layout_rule(std::string_view op) {
  const auto found = rules().find(op);
  return found == rules().end() ? LayoutRule::row_major : found->second;
}

}  // namespace drawbar::cpu

#pragma once

#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "targets/layout.h"

namespace drawbar {

/// A target's tactics and layout rules by operator, filled while static objects are made;
/// afterwards it does not change.
template <class Tactic>
class TacticRegistry {
 public:
  static TacticRegistry& instance() {
    static TacticRegistry registry;
    return registry;
  }

  void add(const Tactic& tactic) { tactics_[tactic.op].push_back(tactic); }
  void set_rule(std::string_view op, LayoutRule rule) { rules_[op] = rule; }

  std::span<const Tactic> tactics_for(std::string_view op) const {
    const auto found = tactics_.find(op);
    if (found == tactics_.end()) return {};
    return found->second;
  }
  LayoutRule rule(std::string_view op) const {
    const auto found = rules_.find(op);
    return found == rules_.end() ? LayoutRule::row_major : found->second;
  }

 private:
  std::map<std::string_view, std::vector<Tactic>> tactics_;
  std::map<std::string_view, LayoutRule> rules_;
};

}  // namespace drawbar

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "drawbar/element_type.h"

namespace drawbar {

/// Choices by problem: what was known beforehand, perhaps of other models too, and what was asked
/// for or added since. Not thread-safe.
class KnownChoices {
 public:
  explicit KnownChoices(std::map<std::string, std::string> known = {}) : all_(std::move(known)) {}

  /// Null where it is not known.
  const std::string* find(const std::string& problem) {
    const auto found = all_.find(problem);
    if (found == all_.end()) return nullptr;
    used_.insert(problem);
    return &found->second;
  }
  void add(const std::string& problem, std::string choice) {
    all_[problem] = std::move(choice);
    used_.insert(problem);
  }
  /// Counts all that is known as asked for.
  void use_all() {
    for (const auto& [problem, choice] : all_) used_.insert(problem);
  }
  /// What was asked for or added.
  std::map<std::string, std::string> used() const {
    std::map<std::string, std::string> result;
    for (const std::string& problem : used_) result.emplace(problem, all_.at(problem));
    return result;
  }

 private:
  std::map<std::string, std::string> all_;
  std::set<std::string> used_;
};

/// The flag of CompileOptions::tf32.
inline constexpr const char* tf32_flag = "tf32";

/// What a program's image says in text: a flag, or a tactic and the problem it won, a line each.
struct TacticTable {
  std::set<std::string> flags;
  std::map<std::string, std::string> choices;  // by problem

  /// The half that a flag names.
  std::optional<ElementType> half() const;
  std::string text() const;
  /// The inverse. Any text is some table.
  static TacticTable parse(std::string_view text);
};

}  // namespace drawbar

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "drawbar/element_type.h"

namespace drawbar {

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

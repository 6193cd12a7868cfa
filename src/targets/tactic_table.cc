#include "targets/tactic_table.h"

#include <algorithm>

namespace drawbar {

std::optional<ElementType> TacticTable::half() const {
  for (ElementType type : {ElementType::f16, ElementType::bf16}) {
    if (flags.count(std::string(name(type)))) return type;
  }
  return std::nullopt;
}

std::string TacticTable::text() const {
  std::string result;
  for (const std::string& flag : flags) result += flag + "\n";
  for (const auto& [problem, tactic] : choices) result += tactic + " " + problem + "\n";
  return result;
}

TacticTable TacticTable::parse(std::string_view text) {
  TacticTable table;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) {
      table.flags.emplace(line);
    } else {
      table.choices.insert_or_assign(std::string(line.substr(space + 1)),
                                     std::string(line.substr(0, space)));
    }
    at = end + 1;
  }
  return table;
}

}  // namespace drawbar

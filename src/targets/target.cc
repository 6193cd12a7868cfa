#include "targets/target.h"

namespace drawbar {
namespace {

std::map<std::string, std::unique_ptr<Target>, std::less<>>& targets() {
  static std::map<std::string, std::unique_ptr<Target>, std::less<>> all;
  return all;
}

}  // namespace

void register_target(std::unique_ptr<Target> target) {
  std::string name = target->name();
  targets().emplace(std::move(name), std::move(target));
}

const Target& target_named(std::string_view name) {
  const auto found = targets().find(name);
  if (found != targets().end()) return *found->second;
  std::string known;
  for (const auto& [other, target] : targets()) known += (known.empty() ? "" : ", ") + other;
  fail(ErrorCode::invalid_argument, "there is no target '{}', only {}", name, known);
}

std::vector<const Target*> all_targets() {
  std::vector<const Target*> result;
  for (const auto& [name, target] : targets()) result.push_back(target.get());
  return result;
}

}  // namespace drawbar

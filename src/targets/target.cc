#include "targets/target.h"

#include "targets/target_library.h"

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
  if (const auto found = targets().find(name); found != targets().end()) return *found->second;
  for (const AbsentTarget& absent : load_target_libraries()) {
    if (absent.name == name)
      fail(ErrorCode::unavailable, "target {} is not here: {}", name, absent.reason);
  }
  if (const auto found = targets().find(name); found != targets().end()) return *found->second;
  std::string known;
  for (const auto& [other, target] : targets()) known += (known.empty() ? "" : ", ") + other;
  fail(ErrorCode::invalid_argument, "there is no target '{}', only {}", name, known);
}

const Target& host_target() { return target_named("cpu"); }

std::vector<const Target*> all_targets() {
  load_target_libraries();
  std::vector<const Target*> result;
  for (const auto& [name, target] : targets()) result.push_back(target.get());
  return result;
}

}  // namespace drawbar

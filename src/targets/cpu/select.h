#pragma once

#include <map>
#include <mutex>
#include <string>

#include "targets/cpu/kernel.h"
#include "targets/tactic_table.h"

namespace drawbar::cpu {

/// Chooses among the tactics that apply to a problem: what was timed before, else (when allowed) by
/// timing them now, else the cost model. Thread-safe.
class TacticChooser {
 public:
  explicit TacticChooser(std::map<std::string, std::string> known = {})
      : choices_(std::move(known)) {}
  /// What is known beforehand belongs to this program, and is saved with it.
  void keep_known() { choices_.use_all(); }

  /// The tactic to use, or null when none applies. `pool` not null: times candidates on it.
  const Tactic* choose(const Problem& problem, ThreadPool* pool);
  /// Choices of another kind, kept beside the tactics.
  std::optional<std::string> recall(const std::string& key);
  void remember(const std::string& key, std::string choice);
  /// By problem (operator, attributes, operands, threads, instruction set): the timed winners among
  /// what was asked for.
  std::map<std::string, std::string> choices() const;

 private:
  mutable std::mutex mutex_;
  KnownChoices choices_;
};

/// Names a problem in timing caches and engines.
std::string problem_key(const Problem& problem);

}  // namespace drawbar::cpu

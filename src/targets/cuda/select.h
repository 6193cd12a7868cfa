#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "targets/cuda/code_cache.h"
#include "targets/cuda/tactic.h"
#include "targets/tactic_table.h"

namespace drawbar::cuda {

/// Chooses among the tactics that take a problem: what was timed before, else the cost model.
/// Thread-safe.
class TacticChooser {
 public:
  explicit TacticChooser(std::map<std::string, std::string> known = {})
      : choices_(std::move(known)) {}
  /// What is known beforehand belongs to this program, and is saved with it.
  void keep_known() { choices_.use_all(); }

  /// Null when none applies. What was not timed is chosen by the cost model, and never planned long
  /// where another tactic takes it.
  const Tactic* choose(const Problem& problem);
  /// Times the candidates of all these problems that are not known yet on the device, their code
  /// compiled at once. Problems that one tactic takes are left out.
  void time(const std::vector<Problem>& problems, Gpu& gpu, CodeCache& code);
  /// What else was measured of a plan, by a key of its own.
  std::optional<std::string> known(const std::string& key);
  void remember(const std::string& key, std::string choice);
  /// By problem (operator, attributes, operands, device): the timed winners among what was
  /// asked for.
  std::map<std::string, std::string> choices() const;

 private:
  const Tactic* chosen_before(const Problem& problem);

  mutable std::mutex mutex_;
  KnownChoices choices_;
};

/// Names a problem in timing caches and engines.
std::string problem_key(const Problem& problem);

}  // namespace drawbar::cuda

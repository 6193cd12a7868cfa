#include "targets/cpu/select.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <limits>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#include "base/memory.h"

namespace drawbar::cpu {

std::string problem_key(const Problem& problem) {
  return drawbar::problem_key(problem.op, problem.inputs, problem.outputs) +
         fmt::format(" t{} {}{}", problem.threads, name(problem.isa),
                     problem.strict ? " strict" : "");
}

namespace {

struct Memory {
  explicit Memory(size_t bytes) : data(allocate_memory(bytes)) {
    if (!data) fail(ErrorCode::resource_exhausted, "no memory for {} bytes while timing", bytes);
    // Small numbers: their products stay normal, so that no tactic is timed on denormals.
    auto* words = static_cast<float*>(data);
    for (size_t i = 0; i < bytes / 4 + 16; ++i)
      words[i] = static_cast<float>(i % 97) * 0.01f - 0.4f;
  }
  ~Memory() { std::free(data); }
  Memory(const Memory&) = delete;
  void* data;
};

/// Times so close to the least one are as good: what packs fewer bytes is opened and kept for less.
constexpr double kTie = 1.04;

/// Tactics are timed in turns, one run each, so that what else this machine does falls on all of
/// them. One leaves when its time is so far above the least: far at first, after one run that
/// warmed up and one that counts, nearer once there were several.
constexpr double kFar = 2.5, kClose = 1.25;
constexpr size_t kSeveral = 5, kMostTurns = 60;
constexpr auto kTimeForEach = std::chrono::milliseconds(40);

/// Empties the caches of packed weights, as the rest of a model does from one run to the next.
void evict(const std::map<std::string, Section>& packed) {
#if defined(__x86_64__)
  for (const auto& [key, section] : packed) {
    for (size_t i = 0; i < section.bytes; i += 64) _mm_clflush(section.data.get() + i);
  }
  _mm_mfence();
#else
  static_cast<void>(packed);
#endif
}

/// What all tactics of a problem are timed on: drawn operands, and memory for scratch.
class Operands {
 public:
  explicit Operands(const Problem& problem) {
    for (const Operand& o : problem.inputs) {
      if (!o.present) {
        inputs_.push_back(nullptr);
      } else if (o.constant) {
        inputs_.push_back(o.constant->tensor().raw());
      } else {
        void* data = fresh(o);
        if (!is_floating(o.type))
          std::memset(data, 0, static_cast<size_t>(storage_bytes(o.type, o.extent())));
        inputs_.push_back(data);
      }
    }
    for (const Operand& o : problem.outputs) outputs_.push_back(o.present ? fresh(o) : nullptr);
  }

  void make_room_for(const Kernel& kernel) {
    if (scratch_ && scratch_bytes_ >= kernel.scratch_bytes()) return;
    scratch_bytes_ = kernel.scratch_bytes();
    scratch_ = std::make_unique<Memory>(scratch_bytes_);
  }

  /// Seconds of one run, packed weights coming from memory as in a model larger than the caches.
  double time(const Kernel& kernel, const std::map<std::string, Section>& packed,
              ThreadPool& pool) const {
    using Clock = std::chrono::steady_clock;
    evict(packed);
    const auto before = Clock::now();
    kernel.run({inputs_, outputs_, scratch_->data, pool});
    return std::chrono::duration<double>(Clock::now() - before).count();
  }

 private:
  void* fresh(const Operand& o) {
    memory_.push_back(
        std::make_unique<Memory>(static_cast<size_t>(storage_bytes(o.type, o.extent()))));
    return memory_.back()->data;
  }

  std::vector<std::unique_ptr<Memory>> memory_;
  std::vector<const void*> inputs_;
  std::vector<void*> outputs_;
  std::unique_ptr<Memory> scratch_;
  size_t scratch_bytes_ = 0;
};

struct Trial {
  const Tactic* tactic = nullptr;
  double seconds = 0;  // of one run: the lower quartile of `times`, or the estimate
  std::vector<double> times;
  std::map<std::string, Section> packed;
  size_t packed_bytes = 0;
  std::unique_ptr<Kernel> kernel;  // until the trial has lost, as what is packed

  void lose() {
    kernel = nullptr;
    packed.clear();  // large, and not to stay
  }
};

std::vector<Trial> estimated(const std::vector<const Tactic*>& candidates, const Problem& problem) {
  std::vector<Trial> trials;
  for (const Tactic* tactic : candidates) {
    trials.emplace_back().tactic = tactic;
    trials.back().seconds = tactic->seconds(problem);
  }
  return trials;
}

/// Says how many have not lost.
size_t drop_losers(std::vector<Trial>& trials, double share) {
  double least = std::numeric_limits<double>::infinity();
  for (const Trial& trial : trials) least = std::min(least, trial.seconds);
  size_t left = 0;
  for (Trial& trial : trials) {
    if (trial.seconds > share * least) trial.lose();
    left += trial.kernel != nullptr;
  }
  return left;
}

std::vector<Trial> timed(const std::vector<const Tactic*>& candidates, const Problem& problem,
                         ThreadPool& pool) {
  Operands operands(problem);
  const auto run_once = [&](Trial& trial) {
    trial.times.push_back(operands.time(*trial.kernel, trial.packed, pool));
    const auto quartile = trial.times.begin() + static_cast<std::ptrdiff_t>(trial.times.size() / 4);
    std::nth_element(trial.times.begin(), quartile, trial.times.end());
    trial.seconds = *quartile;
  };
  std::vector<Trial> trials;
  size_t left = 0;
  for (const Tactic* tactic : candidates) {
    Trial& trial = trials.emplace_back();
    trial.tactic = tactic;
    PackedConstants packed;
    trial.kernel = tactic->make({problem.op, problem.inputs, problem.outputs, problem.threads,
                                 problem.isa, packed, problem.strict});
    trial.packed = packed.all();
    trial.packed_bytes = packed.bytes();
    operands.make_room_for(*trial.kernel);
    operands.time(*trial.kernel, trial.packed, pool);  // warms up
    run_once(trial);
    left = drop_losers(trials, kFar);
  }
  const auto end = std::chrono::steady_clock::now() + kTimeForEach * left;
  for (size_t turn = 1; left > 1 && turn <= kMostTurns; ++turn) {
    if (turn > kSeveral && std::chrono::steady_clock::now() > end) break;
    for (Trial& trial : trials) {
      if (trial.kernel) run_once(trial);
    }
    if (turn >= kSeveral) left = drop_losers(trials, kClose);
  }
  return trials;
}

}  // namespace

const Tactic* TacticChooser::choose(const Problem& problem, ThreadPool* pool) {
  const auto empty = [](const Operand& o) { return o.present && o.size() == 0; };
  if (std::any_of(problem.inputs.begin(), problem.inputs.end(), empty) ||
      std::any_of(problem.outputs.begin(), problem.outputs.end(), empty)) {
    return nullptr;  // the reference knows what nothing is
  }
  std::vector<const Tactic*> candidates;
  for (const Tactic& tactic : tactics_for(problem.op.name())) {
    if (tactic.takes(problem)) candidates.push_back(&tactic);
  }
  if (candidates.empty()) return nullptr;
  if (candidates.size() == 1) return candidates[0];
  const std::string key = problem_key(problem);
  {
    const std::lock_guard lock(mutex_);
    if (const std::string* known = choices_.find(key)) {
      for (const Tactic* tactic : candidates) {
        if (tactic->name == *known) return tactic;
      }
    }
  }
  std::vector<Trial> trials =
      pool ? timed(candidates, problem, *pool) : estimated(candidates, problem);
  double least = std::numeric_limits<double>::infinity();
  for (const Trial& trial : trials) least = std::min(least, trial.seconds);
  const auto better = [&](const Trial& a, const Trial& b) {
    const bool level = std::max(a.seconds, b.seconds) <= kTie * least;
    return level && a.packed_bytes != b.packed_bytes ? a.packed_bytes < b.packed_bytes
                                                     : a.seconds < b.seconds;
  };
  const Tactic* best = std::min_element(trials.begin(), trials.end(), better)->tactic;
  if (pool) {
    const std::lock_guard lock(mutex_);
    choices_.add(key, std::string(best->name));
  }
  return best;
}

std::optional<std::string> TacticChooser::recall(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const std::string* known = choices_.find(key);
  return known ? std::optional(*known) : std::nullopt;
}

void TacticChooser::remember(const std::string& key, std::string choice) {
  const std::lock_guard lock(mutex_);
  choices_.add(key, std::move(choice));
}

std::map<std::string, std::string> TacticChooser::choices() const {
  const std::lock_guard lock(mutex_);
  return choices_.used();
}

}  // namespace drawbar::cpu

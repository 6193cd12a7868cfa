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

/// What comes so close to the least time at first is timed again, in turns with the others: what
/// else this machine does then falls on all of them.
constexpr double kClose = 1.25;
constexpr int kTurns = 2;

struct Trial {
  const Tactic* tactic = nullptr;
  double seconds = 0;
  size_t packed_bytes = 0;
  std::unique_ptr<PackedConstants> packed;  // until the trial has lost
  std::unique_ptr<Problem> problem;
  std::unique_ptr<Kernel> kernel;
};

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

}  // namespace

double time_kernel(const Kernel& kernel, const Problem& problem, ThreadPool& pool) {
  const std::map<std::string, Section> packed = problem.packed.all();
  std::vector<std::unique_ptr<Memory>> memory;
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  const auto fresh = [&](const Operand& o) {
    memory.push_back(
        std::make_unique<Memory>(static_cast<size_t>(storage_bytes(o.type, o.extent()))));
    return memory.back()->data;
  };
  for (const Operand& o : problem.inputs) {
    if (!o.present) {
      inputs.push_back(nullptr);
    } else if (o.constant) {
      inputs.push_back(o.constant->tensor().raw());
    } else {
      void* data = fresh(o);
      if (!is_floating(o.type))
        std::memset(data, 0, static_cast<size_t>(storage_bytes(o.type, o.extent())));
      inputs.push_back(data);
    }
  }
  for (const Operand& o : problem.outputs) outputs.push_back(o.present ? fresh(o) : nullptr);
  Memory scratch(kernel.scratch_bytes());
  const KernelRun run{inputs, outputs, scratch.data, pool};
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  const auto start = Clock::now();
  do {
    evict(packed);
    const auto before = Clock::now();
    kernel.run(run);
    times.push_back(std::chrono::duration<double>(Clock::now() - before).count());
  } while (times.size() < 3 ||
           (times.size() < 30 && Clock::now() - start < std::chrono::milliseconds(20)));
  times.erase(times.begin());  // the first run warms up
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2),
                   times.end());
  return times[times.size() / 2];
}

namespace {

std::vector<Trial> estimated(const std::vector<const Tactic*>& candidates, const Problem& problem) {
  std::vector<Trial> trials;
  for (const Tactic* tactic : candidates) {
    trials.emplace_back().tactic = tactic;
    trials.back().seconds = tactic->seconds(problem);
  }
  return trials;
}

std::vector<Trial> timed(const std::vector<const Tactic*>& candidates, const Problem& problem,
                         ThreadPool& pool) {
  std::vector<Trial> trials;
  double least = std::numeric_limits<double>::infinity();
  const auto drop_losers = [&] {
    for (Trial& trial : trials) {
      if (trial.seconds <= kClose * least) continue;
      trial.kernel = nullptr;
      trial.packed = nullptr;  // large, and not to stay
    }
  };
  for (const Tactic* tactic : candidates) {
    Trial& trial = trials.emplace_back();
    trial.tactic = tactic;
    trial.packed = std::make_unique<PackedConstants>();
    trial.problem = std::make_unique<Problem>(Problem{problem.op, problem.inputs, problem.outputs,
                                                      problem.threads, problem.isa, *trial.packed,
                                                      problem.strict});
    trial.kernel = tactic->make(*trial.problem);
    trial.seconds = time_kernel(*trial.kernel, *trial.problem, pool);
    trial.packed_bytes = trial.packed->bytes();
    least = std::min(least, trial.seconds);
    drop_losers();
  }
  const auto close = std::count_if(trials.begin(), trials.end(),
                                   [](const Trial& trial) { return trial.kernel != nullptr; });
  for (int turn = 0; close > 1 && turn < kTurns; ++turn) {
    for (Trial& trial : trials) {
      if (!trial.kernel) continue;
      trial.seconds = std::min(trial.seconds, time_kernel(*trial.kernel, *trial.problem, pool));
    }
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

#include "targets/cuda/select.h"

#include <algorithm>
#include <limits>
#include <set>

#include "targets/cuda/loaded_code.h"

namespace drawbar::cuda {

std::string problem_key(const Problem& problem) {
  return drawbar::problem_key(problem.op, problem.inputs, problem.outputs) +
         fmt::format(" {} {}{}{}", problem.gpu.architecture, problem.gpu.name,
                     problem.strict ? " strict" : "", problem.tf32 ? " tf32" : "");
}

namespace {

constexpr int warm_up = 3, measured = 10;

/// A candidate with memory to run on.
struct Trial {
  const Tactic* tactic = nullptr;
  std::unique_ptr<Kernel> kernel;
  std::vector<std::shared_ptr<void>> memory;
  std::vector<void*> inputs, outputs, packed;
  std::vector<const void*> functions;
  void* scratch = nullptr;
};

/// Small numbers, so that no tactic is timed on denormals, and integers of 0.
void* drawn(const Operand& operand, Gpu& gpu, Stream& stream, Trial& trial) {
  const auto bytes = static_cast<size_t>(storage_bytes(operand.type, operand.size()));
  trial.memory.push_back(gpu.allocate(bytes));
  void* memory = trial.memory.back().get();
  // 0x3c3c is 1.06 in f16, 0.0115 in bf16 and f32.
  stream.fill(memory, is_floating(operand.type) ? 0x3c : 0, bytes);
  return memory;
}

void prepare(Trial& trial, const Problem& problem, Gpu& gpu, Stream& stream,
             const LoadedCode& code) {
  for (const Operand& operand : problem.inputs)
    trial.inputs.push_back(operand.present ? drawn(operand, gpu, stream, trial) : nullptr);
  for (const Operand& operand : problem.outputs)
    trial.outputs.push_back(operand.present ? drawn(operand, gpu, stream, trial) : nullptr);
  for (const PackedBuffer& buffer : trial.kernel->packed()) {
    trial.memory.push_back(gpu.allocate(buffer.bytes));
    trial.packed.push_back(trial.memory.back().get());
    stream.copy_to_device(trial.packed.back(), buffer.data.get(), buffer.bytes);
  }
  for (const Launch& launch : trial.kernel->launches())
    trial.functions.push_back(code.function(launch));
  trial.memory.push_back(gpu.allocate(trial.kernel->scratch_bytes()));
  trial.scratch = trial.memory.back().get();
}

/// Least seconds of a run within a recording of some, as in a recorded plan.
double time_trial(const Trial& trial, Stream& stream) {
  const KernelRun run{stream,       trial.inputs,    trial.outputs,
                      trial.packed, trial.functions, trial.scratch};
  trial.kernel->enqueue(run);
  stream.synchronize();
  stream.begin_recording();
  for (int i = 0; i < measured; ++i) trial.kernel->enqueue(run);
  const std::unique_ptr<Recording> recording = stream.end_recording();
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < warm_up; ++i) {
    const std::unique_ptr<Mark> before = stream.mark();
    stream.replay(*recording);
    const std::unique_ptr<Mark> after = stream.mark();
    stream.synchronize();
    least = std::min(least, after->seconds_since(*before) / measured);
  }
  return least;
}

}  // namespace

/// Asks only the tactic itself whether it takes the problem still.
const Tactic* TacticChooser::chosen_before(const Problem& problem) {
  std::string name;
  {
    const std::lock_guard lock(mutex_);
    const std::string* known = choices_.find(problem_key(problem));
    if (!known) return nullptr;
    name = *known;
  }
  for (const Tactic& tactic : tactics_for(problem.op.name())) {
    if (tactic.name == name && tactic.applies(problem)) return &tactic;
  }
  return nullptr;
}

const Tactic* TacticChooser::choose(const Problem& problem) {
  if (const Tactic* known = chosen_before(problem)) return known;
  const std::vector<const Tactic*> tactics = quick_candidates(problem);
  if (tactics.empty()) return nullptr;
  return *std::min_element(tactics.begin(), tactics.end(), [&](const Tactic* a, const Tactic* b) {
    return a->seconds(problem) < b->seconds(problem);
  });
}

void TacticChooser::time(const std::vector<Problem>& problems, Gpu& gpu, CodeCache& code) {
  struct Contest {
    const Problem* problem;
    std::string key;
    std::vector<Trial> trials;
  };
  std::vector<Contest> contests;
  std::set<std::string> seen;
  std::vector<const Launch*> launches;
  for (const Problem& problem : problems) {
    std::string key = problem_key(problem);
    {
      const std::lock_guard lock(mutex_);
      if (!seen.insert(key).second || choices_.find(key)) continue;
    }
    const std::vector<const Tactic*> tactics = candidates(problem);
    if (tactics.size() < 2) continue;
    Contest contest{&problem, std::move(key), {}};
    for (const Tactic* tactic : tactics) {
      contest.trials.emplace_back().tactic = tactic;
      contest.trials.back().kernel = tactic->make(problem);
      for (const Launch& launch : contest.trials.back().kernel->launches())
        launches.push_back(&launch);
    }
    contests.push_back(std::move(contest));
  }
  if (contests.empty()) return;
  const LoadedCode loaded(launches, code, gpu.info().architecture, &gpu);
  const std::shared_ptr<Stream> stream = gpu.make_stream();
  for (Contest& contest : contests) {
    double least = std::numeric_limits<double>::infinity();
    const Tactic* best = nullptr;
    for (Trial& trial : contest.trials) {
      prepare(trial, *contest.problem, gpu, *stream, loaded);
      const double seconds = time_trial(trial, *stream);
      if (seconds < least) {
        least = seconds;
        best = trial.tactic;
      }
      trial = {};
    }
    const std::lock_guard lock(mutex_);
    choices_.add(contest.key, std::string(best->name));
  }
}

std::optional<std::string> TacticChooser::known(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const std::string* choice = choices_.find(key);
  return choice ? std::optional(*choice) : std::nullopt;
}

void TacticChooser::remember(const std::string& key, std::string choice) {
  const std::lock_guard lock(mutex_);
  choices_.add(key, std::move(choice));
}

std::map<std::string, std::string> TacticChooser::choices() const {
  const std::lock_guard lock(mutex_);
  return choices_.used();
}

}  // namespace drawbar::cuda

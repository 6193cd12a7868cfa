#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "drawbar/engine.h"
#include "drawbar/report.h"

namespace drawbar {

struct SessionOptions {
  int threads = 0;           // 0: all processors this process may use
  bool pin_threads = false;  // bind worker i to the i-th allowed processor
  size_t plan_cache = 16;    // plans kept for different input shapes
};

struct RunOptions {
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  const std::atomic<bool>* cancelled = nullptr;
  int64_t memory_budget = int64_t{16} << 30;  // bytes of one value whose size depends on data
};

/// Runs an engine. Thread-safe: many threads may call `run` on one Session, each run in its own
/// memory. The first run of an input shape builds a plan for it (without timing anything) and
/// checks the weights it reads against their hashes; later ones reuse it and allocate nothing but
/// the outputs that are not given. Same engine, inputs and thread count: same bits. Sessions that
/// ask for as many threads share them.
class Session {
 public:
  /// An engine that was compiled for as many threads is prepared for the first of its profiles.
  explicit Session(std::shared_ptr<Engine> engine, SessionOptions options = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Does beforehand what the first run of inputs of these shapes need not wait for: makes their
  /// plan, maps the weights, gets the memory of a run. On the CPU; nothing for graphs with inputs
  /// that are no tensors. Throws INVALID_ARGUMENT, RESOURCE_EXHAUSTED.
  void prepare(const InputShapes& shapes);
  /// Inputs in the engine's order. Throws INVALID_ARGUMENT naming the input that does not fit,
  /// DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED.
  std::vector<Tensor> run(std::span<const Tensor> inputs, const RunOptions& options = {});
  /// Outputs that have a value are written in place when type and shape fit.
  void run(std::span<const Tensor> inputs, std::span<Tensor> outputs,
           const RunOptions& options = {});
  /// One run with every step timed.
  PlanReport profile(std::span<const Tensor> inputs);
  /// Seconds of a run on an accelerator whose inputs and outputs stay there, the mean of `runs` one
  /// behind the other; nothing where some of it runs on the processors.
  std::optional<double> device_seconds(std::span<const Tensor> inputs, int runs);
  /// The steps of that plan, without a run.
  PlanReport report(std::span<const Tensor> inputs);

  const Engine& engine() const;
  int threads() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drawbar

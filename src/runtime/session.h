#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace drawbar {

struct SessionOptions {
  int threads = 0;           // 0: all processors this process may use
  bool pin_threads = false;  // bind worker i to the i-th allowed processor
  size_t plan_cache = 16;    // plans kept for different input shapes
};

struct RunOptions {
  RunControl::Clock::time_point deadline = RunControl::Clock::time_point::max();
  const std::atomic<bool>* cancelled = nullptr;
  int64_t memory_budget = int64_t{16} << 30;  // bytes of one value whose size depends on data
};

/// Runs an engine. Thread-safe: many threads may call `run` on one Session, each run in its own
/// memory. The first run of an input shape builds a plan for it (without timing anything); later
/// ones reuse it and allocate nothing but the outputs that are not given. Same engine, inputs and
/// thread count: same bits.
class Session {
 public:
  explicit Session(std::shared_ptr<Engine> engine, SessionOptions options = {});
  ~Session();

  /// Inputs in the graph's order. Throws INVALID_ARGUMENT naming the input that does not fit,
  /// DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED.
  std::vector<Tensor> run(std::span<const Tensor> inputs, const RunOptions& options = {});
  /// Outputs that have a value are written in place when type and shape fit.
  void run(std::span<const Tensor> inputs, std::span<Tensor> outputs,
           const RunOptions& options = {});
  /// One run with every step timed.
  PlanReport profile(std::span<const Tensor> inputs);
  /// The steps of that plan, without a run.
  PlanReport report(std::span<const Tensor> inputs) { return executor(inputs)->report(); }

  const Engine& engine() const { return *engine_; }
  const Graph& graph() const { return engine_->graph(); }
  int threads() const { return threads_; }

 private:
  std::shared_ptr<Executor> executor(std::span<const Tensor> inputs);

  std::shared_ptr<Engine> engine_;
  SessionOptions options_;
  int threads_;
  std::shared_ptr<ThreadPool> pool_;
  std::mutex mutex_;
  /// A plan and the inputs it is for.
  struct Planned {
    std::vector<ElementType> types;
    std::vector<Shape> shapes;
    std::shared_ptr<Executor> executor;
    bool fits(std::span<const Tensor> inputs) const;
  };
  std::list<Planned> plans_;  // most recent first
};

/// The process's pool of `threads` workers, shared by all sessions that ask for as many.
std::shared_ptr<ThreadPool> shared_pool(int threads, bool pin);

}  // namespace drawbar

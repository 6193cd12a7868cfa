#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/memory.h"
#include "base/run_control.h"
#include "base/threads.h"
#include "drawbar/engine.h"
#include "drawbar/report.h"
#include "ir/graph.h"
#include "targets/device.h"

namespace drawbar {

struct CompileOptions {
  std::vector<InputShapes> profiles;
  std::vector<int> threads = {1};
  bool time_tactics = true;         // false: choose by the cost model, as `--deterministic` does
  bool strict = false;              // only ways whose error is that of plain sums in another order
  bool smallest = false;            // saved without what can be made again when it is opened
  std::optional<ElementType> half;  // f16 or bf16: an accelerator has values in it, not in f32
  bool tf32 = false;  // factors of f32 may be rounded to TF32 where an accelerator has units for it
  bool wherever_it_can = false;  // on the target also where leaving it to the host would be faster
  std::vector<std::string> architectures;  // what a GPU's code is compiled for besides this one's
  std::map<std::string, std::string> timing_cache;  // what earlier compilations found, by problem
  /// Packed weights are taken from this one and left with it, where it is of the same target; so
  /// that compiling variants of a model packs once what they have in common.
  const class Program* shares = nullptr;
  std::function<void(const std::string& what, size_t done, size_t total)> progress;
};

/// Bytes that somebody keeps alive. Those of a file carry the hash they must have, to be checked
/// before their first use.
struct Section {
  std::shared_ptr<const std::byte> data;
  size_t bytes = 0;
  std::optional<Hash> expected;
  bool is_mapped = false;

  void map() {
    if (!is_mapped) bring_in(data.get(), bytes);
    is_mapped = true;
  }
  void check(std::string_view name) const {
    if (!expected) return;
    if (!is_mapped) bring_in(data.get(), bytes);
    if (hash_bytes(data.get(), bytes) != *expected) {
      fail(ErrorCode::invalid_model, "damaged: section '{}' does not match its hash", name);
    }
  }
};

/// A program as it is saved: text the target understands, and sections by name. Untrusted when it
/// comes from a file: `Target::load` checks whatever steers a memory access.
struct ProgramImage {
  std::string text;
  std::map<std::string, Section> sections;
};

/// A program specialised for concrete input shapes and a number of threads. Thread-safe: every run
/// has its own memory.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Whether inputs and given outputs of `run` may lie there; on the host always.
  virtual bool takes(const Place& place) const { return place.kind == Place::Kind::host; }
  /// Does beforehand what the first run need not wait for.
  virtual void prepare(ThreadPool& pool) { static_cast<void>(pool); }
  /// `outputs` with a value are written in place when type and shape fit (else replaced).
  virtual void run(std::span<const Tensor> inputs, std::span<Tensor> outputs,
                   const RunControl& control, ThreadPool& pool) = 0;
  /// One run with every step timed.
  virtual PlanReport profile(std::span<const Tensor> inputs, ThreadPool& pool) = 0;
  virtual PlanReport report() const = 0;
  /// Seconds of a run on an accelerator whose inputs and outputs stay there, the mean of `runs` one
  /// behind the other; nothing where some of it runs on the host.
  virtual std::optional<double> device_seconds(int runs) {
    static_cast<void>(runs);
    return std::nullopt;
  }
};

/// A compiled subgraph.
class Program {
 public:
  virtual ~Program() = default;
  virtual const Graph& graph() const = 0;
  virtual ProgramImage save() const = 0;
  /// The profiles it was compiled for.
  virtual std::vector<PlanReport> inspect() const = 0;
  /// Compiles for further profiles, timing tactics when asked. Not while others run it.
  virtual void tune(const CompileOptions& options) = 0;
  /// What tuning found, by problem, for the timing cache.
  virtual std::map<std::string, std::string> timings() const = 0;
  /// Builds an executor for these inputs; a shape that was not compiled for gets tactics from the
  /// cost model at once. Types of inputs that are no tensors are left as in the graph.
  virtual std::shared_ptr<Executor> instantiate(std::span<const Tensor> inputs, int threads) = 0;
};

/// A kind of device. Registered once, thread-safe.
class Target {
 public:
  virtual ~Target() = default;
  virtual std::string name() const = 0;
  /// Nothing when the target runs the node, else the reason it does not.
  virtual std::optional<std::string> refuses(const Graph& graph, NodeId node) const = 0;
  /// Seconds one run of the graph should take with concrete shapes.
  virtual double estimate(const Graph& graph, int threads) const = 0;
  virtual std::shared_ptr<Program> compile(GraphPtr graph, const CompileOptions& options) const = 0;
  virtual std::shared_ptr<Program> load(GraphPtr graph, ProgramImage image) const = 0;
  virtual const Device& device() const = 0;
};

void register_target(std::unique_ptr<Target> target);
const Target& target_named(
    std::string_view name);  // throws INVALID_ARGUMENT listing those there are
std::vector<const Target*> all_targets();
/// The one that runs what others leave.
const Target& host_target();

}  // namespace drawbar

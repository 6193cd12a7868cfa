#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "targets/cuda/code_cache.h"
#include "targets/cuda/gpu.h"
#include "targets/cuda/libraries/cudnn_graph.h"

// Of the engines that cuDNN's heuristics list for a graph the first one that the rules allow
// becomes a plan. Some are compiled then, by NVRTC within cuDNN, which takes up to seconds; a
// plan's JSON has their code, and making a plan of it takes milliseconds.

namespace drawbar::cuda {

/// What a plan may be.
struct CudnnRules {
  int64_t most_workspace_bytes = int64_t{1} << 30;
  /// Engines with one of these notes are not taken.
  std::vector<cudnnBackendNumericalNote_t> without;
};

/// A device's properties in cuDNN's JSON, to plan for a device that is not here (from cuDNN 9.11
/// on); such plans do not run here. Null for this process's device.
using CudnnDeviceProperties = const char*;

/// A way to run a graph, chosen once. Immutable.
class CudnnPlan {
 public:
  int64_t workspace_bytes() const { return workspace_bytes_; }
  /// `tensors` has one pointer for each number in `numbers`, which are the graph's tensors but for
  /// those between operations; `workspace` is 256-byte aligned.
  void enqueue(const Stream& stream, std::span<const int64_t> numbers,
               std::span<void* const> tensors, void* workspace) const;
  /// Adds its JSON, where it is not from there and cuDNN writes it.
  void keep(CodeCache& saved) const;

 private:
  friend class CudnnPlanner;
  explicit CudnnPlan(CudnnDescriptor plan);

  std::vector<CudnnDescriptor> parts_;  // that it was made of
  CudnnDescriptor plan_;
  int64_t workspace_bytes_ = 0;
  std::string name_;  // among what is saved
  bool is_restored_ = false;
};

/// Makes plans of a graph.
class CudnnPlanner {
 public:
  /// All of them outlive it.
  CudnnPlanner(const CudnnGraph& graph, const CudnnRules& rules,
               CudnnDeviceProperties properties = nullptr)
      : graph_(graph), rules_(rules), properties_(properties) {}

  /// What is in `saved`, else what the heuristics (mode A, then the fallback) list first; null
  /// where there is nothing. Answers are remembered. Throws UNAVAILABLE without a device,
  /// RESOURCE_EXHAUSTED without memory, INTERNAL for a graph that contradicts itself.
  std::shared_ptr<const CudnnPlan> plan(const CodeCache* saved = nullptr) const;
  /// The plan in `saved`; null where there is none for this device and this cuDNN, it is damaged,
  /// or cuDNN does not take it.
  std::shared_ptr<const CudnnPlan> restore(const CodeCache& saved) const;
  /// Whether the heuristics list something. Compiles nothing; throws as `plan`.
  bool has_engine() const;

 private:
  /// "cudnn", and a hash of all that a plan depends on.
  std::string name() const;
  std::shared_ptr<const CudnnPlan> search() const;
  bool allows(const CudnnDescriptor& configuration) const;

  const CudnnGraph& graph_;
  const CudnnRules& rules_;
  CudnnDeviceProperties properties_;
};

}  // namespace drawbar::cuda

#pragma once

#include <vector>

#include "base/tensor.h"
#include "base/threads.h"

namespace drawbar {

/// What the reference implementation of an operator sees while running: its inputs, row-major, and
/// where its outputs go. Whoever runs it (constant folding, the reference target, a step of the CPU
/// target) derives from it.
class Evaluation {
 public:
  virtual ~Evaluation() = default;

  virtual size_t inputs() const = 0;
  virtual bool has(size_t i) const = 0;
  virtual const Tensor& input(size_t i) const = 0;  // of a present input
  virtual size_t outputs() const = 0;
  /// Memory for output i, uninitialised: planned beforehand, or allocated now within the budget.
  virtual Tensor& output(size_t i, ElementType type, Shape shape) = 0;
  /// Hands over a value made elsewhere (a view of an input, a sequence).
  virtual void set_output(size_t i, Tensor value) = 0;
  /// Runs subgraph `which` of the node.
  virtual std::vector<Tensor> run_subgraph(size_t which, std::vector<Tensor> inputs) = 0;
  /// Long loops call this now and then: throws DEADLINE_EXCEEDED when the run is to end.
  virtual void checkpoint() = 0;
  /// Throws RESOURCE_EXHAUSTED when a value of so many bytes is over the budget. `output` does that
  /// for tensors; this is for what strings hold beside them.
  virtual void check_bytes(int64_t bytes) = 0;
  virtual ThreadPool& pool() = 0;
};

}  // namespace drawbar

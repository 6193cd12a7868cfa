#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "targets/cuda/plan.h"

namespace drawbar::cuda {

/// The same plan on several GPUs of a kind. A run goes to the GPU on which its tensors lie, else to
/// the one with the fewest runs, of those the first; a GPU gets its plan, and the weights, with its
/// first run. Thread-safe.
class Replicas final : public Executor {
 public:
  using MakePlan = std::function<std::shared_ptr<Plan>(int index)>;
  /// `indices` are of GPUs (gpu.h), at least one; the first one's plan is made at once.
  Replicas(std::span<const int> indices, MakePlan make_plan);

  bool takes(const Place& place) const override;
  void run(std::span<const Tensor> inputs, std::span<Tensor> outputs, const RunControl& control,
           ThreadPool& pool) override;
  PlanReport profile(std::span<const Tensor> inputs, ThreadPool& pool) override;
  PlanReport report() const override { return replicas_[0].plan->report(); }
  std::optional<double> device_seconds(int runs) override {
    return replicas_[0].plan->device_seconds(runs);
  }

 private:
  struct Replica {
    int index = 0;
    std::once_flag made;
    std::shared_ptr<Plan> plan;  // once it is made
    std::atomic<int> runs = 0;
  };
  /// The one to run on; the count of its runs is the caller's.
  Replica& choose(std::span<const Tensor> inputs, std::span<const Tensor> outputs);
  Plan& plan_of(Replica& replica);

  MakePlan make_plan_;
  std::vector<Replica> replicas_;
};

}  // namespace drawbar::cuda

#pragma once

#include "base/tensor_pool.h"
#include "targets/cpu/kernel.h"
#include "targets/cpu/plan.h"
#include "targets/cpu/select.h"
#include "targets/target.h"

namespace drawbar::cpu {

/// A graph compiled for this processor: packed constants and timed tactics, from which plans for
/// concrete shapes are made. Saved as the tactic table (text) and the packed constants (sections).
class CpuProgram final : public Program {
 public:
  /// `strict`: without tactics whose error is more than that of plain sums in some order.
  /// `smallest`: saved without packed constants.
  CpuProgram(GraphPtr graph, std::map<std::string, std::string> tactics, bool strict,
             bool smallest);

  const Graph& graph() const override { return *graph_; }
  ProgramImage save() const override;
  std::vector<PlanReport> inspect() const override { return reports_; }
  std::shared_ptr<Executor> instantiate(std::span<const Tensor> inputs, int threads) override;

  void tune(const CompileOptions& options) override;
  std::map<std::string, std::string> timings() const override { return chooser_->choices(); }
  void restore(ProgramImage image);
  void share_constants(const CpuProgram& other) { packed_ = other.packed_; }

 private:
  Graph laid_out(const Bindings& bindings) const;
  std::shared_ptr<Plan> plan(const Bindings& bindings, int threads, ThreadPool* timing_pool);

  GraphPtr graph_;
  bool strict_, smallest_;
  GraphPtr lowered_;  // what plans are made from: graph_ with halves widened
  std::shared_ptr<PackedConstants> packed_ = std::make_shared<PackedConstants>();
  std::shared_ptr<TacticChooser> chooser_;
  std::shared_ptr<TensorPool> values_ = TensorPool::make();
  std::vector<PlanReport> reports_;
};

}  // namespace drawbar::cpu

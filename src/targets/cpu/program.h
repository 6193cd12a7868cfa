#pragma once

#include "targets/cpu/kernel.h"
#include "targets/cpu/select.h"
#include "targets/target.h"

namespace drawbar::cpu {

/// A graph compiled for this processor: packed constants and timed tactics, from which plans for
/// concrete shapes are made. Saved as the tactic table (text) and the packed constants (sections).
class CpuProgram final : public Program {
 public:
  CpuProgram(GraphPtr graph, std::map<std::string, std::string> tactics);

  const Graph& graph() const override { return *graph_; }
  ProgramImage save() const override;
  std::vector<PlanReport> inspect() const override { return reports_; }
  std::shared_ptr<Executor> instantiate(std::span<const Tensor> inputs, int threads) override;

  /// Makes the plans of all profiles, timing tactics when asked; keeps what they packed.
  void compile(const CompileOptions& options);
  void restore(ProgramImage image);
  const TacticChooser& chooser() const { return *chooser_; }

 private:
  std::shared_ptr<Executor> plan(const Bindings& bindings, int threads, ThreadPool* timing_pool);

  GraphPtr graph_;
  std::shared_ptr<PackedConstants> packed_ = std::make_shared<PackedConstants>();
  std::shared_ptr<TacticChooser> chooser_;
  std::vector<PlanReport> reports_;
};

}  // namespace drawbar::cpu

#pragma once

#include "targets/cuda/plan.h"

namespace drawbar::cuda {

/// A graph compiled for GPUs: chosen tactics and device code, from which plans for concrete shapes
/// are made. Saved as the tactics (text) and the code (sections); constants are brought into the
/// kernels' form when it is opened.
class CudaProgram final : public Program, public std::enable_shared_from_this<CudaProgram> {
 public:
  /// `half`: values of f32 are in that type on the device. `tf32`: Problem's.
  CudaProgram(GraphPtr graph, std::map<std::string, std::string> tactics, bool strict,
              std::optional<ElementType> half, bool tf32);

  const Graph& graph() const override { return *graph_; }
  ProgramImage save() const override;
  std::vector<PlanReport> inspect() const override { return reports_; }
  std::shared_ptr<Executor> instantiate(std::span<const Tensor> inputs, int threads) override;
  void tune(const CompileOptions& options) override;
  std::map<std::string, std::string> timings() const override { return chooser_->choices(); }

  void restore(const ProgramImage& image);
  /// Takes packed constants, constants on the device and code from the other, and leaves its own
  /// there.
  void share(const CudaProgram& other);

 private:
  std::shared_ptr<Plan> plan(const Bindings& bindings, const GpuInfo& info,
                             std::shared_ptr<Gpu> gpu, bool time_tactics) const;

  GraphPtr graph_;
  bool strict_;
  std::optional<ElementType> half_;
  bool tf32_;
  std::shared_ptr<PackedConstants> packed_ = std::make_shared<PackedConstants>();
  std::shared_ptr<CodeCache> code_ = std::make_shared<CodeCache>();
  std::shared_ptr<ConstantsByDevice> constants_ = std::make_shared<ConstantsByDevice>();
  std::shared_ptr<TacticChooser> chooser_;
  std::vector<PlanReport> reports_;
};

}  // namespace drawbar::cuda

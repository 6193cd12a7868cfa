#include "targets/cuda/layout.h"

#include "targets/join_sums.h"

namespace drawbar::cuda {
namespace {

class CudaLayoutRules final : public LayoutRules {
 public:
  explicit CudaLayoutRules(const GpuInfo& gpu) : gpu_(gpu) {}

  LayoutRule rule(std::string_view op) const override { return layout_rule(op); }

  bool takes(const Op& op, std::span<const Operand> inputs,
             std::span<const Operand> outputs) const override {
    return some_tactic_takes(op, inputs, outputs, gpu_);
  }

 private:
  const GpuInfo& gpu_;
};

}  // namespace

Graph laid_out(const Graph& graph, const GpuInfo& gpu) {
  const CudaLayoutRules rules(gpu);
  Graph result = assign_layouts(graph, rules);
  join_sums(result, [&](const Op& op, auto inputs, auto outputs) {
    return rules.takes(op, inputs, outputs);
  });
  return result;
}

}  // namespace drawbar::cuda

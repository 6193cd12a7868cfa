#include "targets/cuda/layout.h"

namespace drawbar::cuda {
namespace {

class CudaLayoutRules final : public LayoutRules {
 public:
  explicit CudaLayoutRules(const GpuInfo& gpu) : gpu_(gpu) {}

  LayoutRule rule(std::string_view op) const override { return layout_rule(op); }

  bool takes(const Op& op, std::span<const Operand> inputs,
             std::span<const Operand> outputs) const override {
    PackedConstants packed;
    return !candidates({op, inputs, outputs, gpu_, packed}).empty();
  }

 private:
  const GpuInfo& gpu_;
};

}  // namespace

Graph assign_layouts(const Graph& graph, const GpuInfo& gpu) {
  return drawbar::assign_layouts(graph, CudaLayoutRules(gpu));
}

}  // namespace drawbar::cuda

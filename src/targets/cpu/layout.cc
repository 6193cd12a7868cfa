#include "targets/cpu/layout.h"

#include "targets/cpu/kernel.h"

namespace drawbar::cpu {
namespace {

class CpuLayoutRules final : public LayoutRules {
 public:
  explicit CpuLayoutRules(Isa isa) : isa_(isa) {}

  LayoutRule rule(std::string_view op) const override { return layout_rule(op); }

  bool takes(const Op& op, std::span<const Operand> inputs,
             std::span<const Operand> outputs) const override {
    PackedConstants packed;
    return some_tactic_takes(Problem{op, inputs, outputs, 1, isa_, packed});
  }

 private:
  Isa isa_;
};

}  // namespace

Graph assign_layouts(const Graph& graph, Isa isa) {
  return drawbar::assign_layouts(graph, CpuLayoutRules(isa));
}

}  // namespace drawbar::cpu

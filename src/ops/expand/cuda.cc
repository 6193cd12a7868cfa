#include "ops/expand/copy.h"
#include "ops/movement/cuda_copy.h"

namespace drawbar::cuda {
namespace {

/// A shape that is only known while running may ask for what x cannot give: the reference checks.
bool applies(const Problem& p) {
  return p.inputs[1].constant && all_copyable(p.inputs.first(1), p.outputs[0]);
}

double seconds(const Problem& p) {
  return movement_seconds(p, p.outputs[0].size(), p.outputs[0].type);
}

template <auto copy>
std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  CopyPlan plan;
  plan.add(copy(x.shape, x.strides(), y.shape, y.strides()), y.type, 0, 0);
  return plan.kernel();
}

DRAWBAR_CUDA_TACTIC(expand_copy, .op = "Expand", .name = "copy", .applies = applies,
                    .seconds = seconds, .make = make<ops::expand_copy>);
DRAWBAR_CUDA_TACTIC(tile_copy, .op = "Tile", .name = "copy", .applies = applies, .seconds = seconds,
                    .make = make<ops::tile_copy>);

}  // namespace
}  // namespace drawbar::cuda

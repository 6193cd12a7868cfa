#include "ops/expand/copy.h"
#include "targets/cpu/copy/copy_kernel.h"

namespace drawbar::cpu {
namespace {

/// A shape that is only known while running may ask for what x cannot give: the reference checks.
bool applies(const Problem& p) {
  return p.inputs[1].constant && all_copyable(p.inputs.first(1), p.outputs[0]);
}

double seconds(const Problem& p) {
  return copy_seconds(2 * storage_bytes(p.outputs[0].type, p.outputs[0].size()));
}

template <auto copy>
std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  auto kernel = std::make_unique<CopyKernel>();
  kernel->add(copy(x.shape, x.strides(), y.shape, y.strides()), y.type, 0, 0);
  return kernel;
}

}  // namespace

DRAWBAR_CPU_TACTIC(expand_copy, .op = "Expand", .name = "copy", .applies = applies,
                   .seconds = seconds, .make = make<ops::expand_copy>);
DRAWBAR_CPU_TACTIC(tile_copy, .op = "Tile", .name = "copy", .applies = applies, .seconds = seconds,
                   .make = make<ops::tile_copy>);

}  // namespace drawbar::cpu

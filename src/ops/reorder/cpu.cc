#include "ops/reorder/op.h"
#include "targets/cpu/copy/copy_kernel.h"

namespace drawbar::cpu {
namespace {

bool applies(const Problem& p) { return all_copyable(p.inputs, p.outputs[0]); }

double seconds(const Problem& p) {
  return copy_seconds(2 * storage_bytes(p.outputs[0].type, p.outputs[0].size()));
}

std::unique_ptr<Kernel> make(const Problem& p) {
  auto kernel = std::make_unique<CopyKernel>();
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  kernel->add({x.shape, x.strides(), y.strides()}, y.type, 0, 0);
  return kernel;
}

}  // namespace

DRAWBAR_CPU_TACTIC(reorder_copy, .op = "Reorder", .name = "copy", .applies = applies,
                   .seconds = seconds, .make = make);

}  // namespace drawbar::cpu

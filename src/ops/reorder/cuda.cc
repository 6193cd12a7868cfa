#include "ops/movement/cuda_copy.h"

namespace drawbar::cuda {
namespace {

bool applies(const Problem& p) { return all_copyable(p.inputs, p.outputs[0]); }

double seconds(const Problem& p) {
  return movement_seconds(p, p.outputs[0].size(), p.outputs[0].type);
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  CopyPlan plan;
  plan.add({x.shape, x.strides(), y.strides()}, y.type, 0, 0);
  return plan.kernel();
}

DRAWBAR_CUDA_TACTIC(reorder_copy, .op = "Reorder", .name = "copy", .applies = applies,
                    .seconds = seconds, .make = make);

}  // namespace
}  // namespace drawbar::cuda

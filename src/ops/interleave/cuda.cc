#include "ops/interleave/op.h"
#include "ops/movement/cuda_copy.h"

namespace drawbar::cuda {
namespace {

bool applies(const Problem& p) { return all_copyable(p.inputs, p.outputs[0]); }

double seconds(const Problem& p) {
  return movement_seconds(p, p.outputs[0].size(), p.outputs[0].type);
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand& y = p.outputs[0];
  const auto& op = *p.op.as<ops::Interleave>();
  const auto inputs = static_cast<int64_t>(p.inputs.size());
  CopyPlan plan;
  for (int64_t i = 0; i < inputs; ++i) {
    const Operand& x = p.inputs[static_cast<size_t>(i)];
    plan.add(ops::interleave_copy(op, inputs, i, x.shape, x.strides(), y.strides()), y.type,
             static_cast<size_t>(i), 0);
  }
  return plan.kernel();
}

DRAWBAR_CUDA_LAYOUT(Interleave, any);
DRAWBAR_CUDA_TACTIC(interleave_copy, .op = "Interleave", .name = "copy", .applies = applies,
                    .seconds = seconds, .make = make);

}  // namespace
}  // namespace drawbar::cuda

#include "ops/concat/op.h"
#include "ops/movement/cuda_copy.h"

namespace drawbar::cuda {
namespace {

bool applies(const Problem& p) { return all_copyable(p.inputs, p.outputs[0]); }

double seconds(const Problem& p) {
  return movement_seconds(p, p.outputs[0].size(), p.outputs[0].type);
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand& y = p.outputs[0];
  const Shape strides = y.strides();
  const auto axis = static_cast<size_t>(Infer::axis(p.op.as<ops::Concat>()->axis, y.rank()));
  CopyPlan plan;
  int64_t offset = 0;
  for (size_t i = 0; i < p.inputs.size(); ++i) {
    const Operand& x = p.inputs[i];
    plan.add({x.shape, x.strides(), strides, 0, offset}, y.type, i, 0);
    offset += x.shape[axis] * strides[axis];
  }
  return plan.kernel();
}

DRAWBAR_CUDA_LAYOUT(Concat, any);
DRAWBAR_CUDA_TACTIC(concat_copy, .op = "Concat", .name = "copy", .applies = applies,
                    .seconds = seconds, .make = make);

}  // namespace
}  // namespace drawbar::cuda

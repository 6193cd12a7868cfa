#include "ops/movement/cuda_copy.h"
#include "ops/transpose/op.h"

namespace drawbar::cuda {
namespace {

bool applies(const Problem& p) { return all_copyable(p.inputs, p.outputs[0]); }

double seconds(const Problem& p) {
  return movement_seconds(p, p.outputs[0].size(), p.outputs[0].type);
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  const Shape strides = x.strides();
  Shape from_strides;
  for (int64_t axis : p.op.as<ops::Transpose>()->resolved(x.rank()))
    from_strides.push_back(strides[static_cast<size_t>(axis)]);
  CopyPlan plan;
  plan.add({y.shape, from_strides, y.strides()}, y.type, 0, 0);
  return plan.kernel();
}

DRAWBAR_CUDA_TACTIC(transpose_copy, .op = "Transpose", .name = "copy", .applies = applies,
                    .seconds = seconds, .make = make);

}  // namespace
}  // namespace drawbar::cuda

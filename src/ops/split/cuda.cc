#include <algorithm>

#include "ops/movement/cuda_copy.h"
#include "ops/split/op.h"

namespace drawbar::cuda {
namespace {

/// The sizes of the pieces are those of the outputs, all of which must be there.
bool applies(const Problem& p) {
  return all_copyable(p.inputs.first(1), p.outputs[0]) &&
         std::all_of(p.outputs.begin(), p.outputs.end(),
                     [](const Operand& o) { return o.present; });
}

double seconds(const Problem& p) {
  return movement_seconds(p, p.inputs[0].size(), p.inputs[0].type);
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand& x = p.inputs[0];
  const Shape strides = x.strides();
  const auto axis = static_cast<size_t>(Infer::axis(p.op.as<ops::Split>()->axis, x.rank()));
  CopyPlan plan;
  int64_t offset = 0;
  for (size_t i = 0; i < p.outputs.size(); ++i) {
    const Operand& y = p.outputs[i];
    plan.add({y.shape, strides, y.strides(), offset, 0}, y.type, 0, i);
    offset += y.shape[axis] * strides[axis];
  }
  return plan.kernel();
}

DRAWBAR_CUDA_LAYOUT(Split, any);
DRAWBAR_CUDA_TACTIC(split_copy, .op = "Split", .name = "copy", .applies = applies,
                    .seconds = seconds, .make = make);

}  // namespace
}  // namespace drawbar::cuda

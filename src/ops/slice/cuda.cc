#include <algorithm>

#include "ops/movement/cuda_copy.h"
#include "ops/slice/op.h"

namespace drawbar::cuda {
namespace {

/// Where the slice is known beforehand.
bool applies(const Problem& p) {
  return all_copyable(p.inputs.first(1), p.outputs[0]) &&
         std::all_of(p.inputs.begin() + 1, p.inputs.end(),
                     [](const Operand& o) { return !o.present || o.constant; });
}

double seconds(const Problem& p) {
  return movement_seconds(p, p.outputs[0].size(), p.outputs[0].type);
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  const auto list = [&](size_t i) {
    const bool there = i < p.inputs.size() && p.inputs[i].present;
    return there ? read_integers(p.inputs[i].constant->tensor()) : std::vector<int64_t>{};
  };
  CopyPlan plan;
  const auto ranges = ops::slice_ranges(x.shape, list(1), list(2), list(3), list(4));
  plan.add(ops::slice_copy(ranges, x.strides(), y.strides()), y.type, 0, 0);
  return plan.kernel();
}

DRAWBAR_CUDA_LAYOUT(Slice, any);
DRAWBAR_CUDA_TACTIC(slice_copy, .op = "Slice", .name = "copy", .applies = applies,
                    .seconds = seconds, .make = make);

}  // namespace
}  // namespace drawbar::cuda

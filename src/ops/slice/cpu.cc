#include <algorithm>

#include "ops/slice/op.h"
#include "targets/cpu/copy/copy_kernel.h"

namespace drawbar::cpu {
namespace {

/// Where the slice is known beforehand.
bool applies(const Problem& p) {
  return all_copyable(p.inputs.first(1), p.outputs[0]) &&
         std::all_of(p.inputs.begin() + 1, p.inputs.end(),
                     [](const Operand& o) { return !o.present || o.constant; });
}

double seconds(const Problem& p) {
  return copy_seconds(2 * storage_bytes(p.outputs[0].type, p.outputs[0].size()));
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  const auto list = [&](size_t i) {
    const bool there = i < p.inputs.size() && p.inputs[i].present;
    return there ? read_integers(p.inputs[i].constant->tensor()) : std::vector<int64_t>{};
  };
  auto kernel = std::make_unique<CopyKernel>();
  const auto ranges = ops::slice_ranges(x.shape, list(1), list(2), list(3), list(4));
  kernel->add(ops::slice_copy(ranges, x.strides(), y.strides()), y.type, 0, 0);
  return kernel;
}

}  // namespace

DRAWBAR_CPU_LAYOUT(Slice, any);
DRAWBAR_CPU_TACTIC(slice_copy, .op = "Slice", .name = "copy", .applies = applies,
                   .seconds = seconds, .make = make);

}  // namespace drawbar::cpu

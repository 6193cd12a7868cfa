#include "ops/concat/op.h"
#include "targets/cpu/copy/copy_kernel.h"

namespace drawbar::cpu {
namespace {

bool applies(const Problem& p) { return all_copyable(p.inputs, p.outputs[0]); }

double seconds(const Problem& p) {
  return copy_seconds(2 * storage_bytes(p.outputs[0].type, p.outputs[0].size()),
                      static_cast<int64_t>(p.inputs.size()));
}

/// Inputs that are not present are there already: slices of the output.
std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand& y = p.outputs[0];
  const Shape strides = y.strides();
  const auto axis = static_cast<size_t>(Infer::axis(p.op.as<ops::Concat>()->axis, y.rank()));
  auto kernel = std::make_unique<CopyKernel>();
  int64_t offset = 0;
  for (size_t i = 0; i < p.inputs.size(); ++i) {
    const Operand& x = p.inputs[i];
    if (x.present) kernel->add({x.shape, x.strides(), strides, 0, offset}, y.type, i, 0);
    offset += x.shape[axis] * strides[axis];
  }
  return kernel;
}

}  // namespace

DRAWBAR_CPU_LAYOUT(Concat, any);
DRAWBAR_CPU_TACTIC(concat_copy, .op = "Concat", .name = "copy", .applies = applies,
                   .seconds = seconds, .make = make, .writes_slices = true);

}  // namespace drawbar::cpu

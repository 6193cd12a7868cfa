#include "ops/split/op.h"
#include "targets/cpu/copy/copy_kernel.h"

namespace drawbar::cpu {
namespace {

bool applies(const Problem& p) { return all_copyable(p.inputs.first(1), p.outputs[0]); }

double seconds(const Problem& p) {
  return copy_seconds(2 * storage_bytes(p.inputs[0].type, p.inputs[0].size()),
                      static_cast<int64_t>(p.outputs.size()));
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand& x = p.inputs[0];
  const Shape strides = x.strides();
  const auto axis = static_cast<size_t>(Infer::axis(p.op.as<ops::Split>()->axis, x.rank()));
  auto kernel = std::make_unique<CopyKernel>();
  int64_t offset = 0;
  for (size_t i = 0; i < p.outputs.size(); ++i) {
    const Operand& y = p.outputs[i];
    if (y.present) kernel->add({y.shape, strides, y.strides(), offset, 0}, y.type, 0, i);
    offset += y.shape[axis] * strides[axis];
  }
  return kernel;
}

}  // namespace

DRAWBAR_CPU_LAYOUT(Split, any);
DRAWBAR_CPU_TACTIC(split_copy, .op = "Split", .name = "copy", .applies = applies,
                   .seconds = seconds, .make = make);

}  // namespace drawbar::cpu

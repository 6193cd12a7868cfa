#include "ops/transpose/op.h"
#include "targets/cpu/copy/copy_kernel.h"

namespace drawbar::cpu {
namespace {

bool applies(const Problem& p) { return all_copyable(p.inputs, p.outputs[0]); }

double seconds(const Problem& p) {
  return copy_seconds(2 * storage_bytes(p.outputs[0].type, p.outputs[0].size()));
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  const Shape strides = x.strides();
  Shape from_strides;
  for (int64_t axis : p.op.as<ops::Transpose>()->resolved(x.rank()))
    from_strides.push_back(strides[static_cast<size_t>(axis)]);
  auto kernel = std::make_unique<CopyKernel>();
  kernel->add({y.shape, from_strides, y.strides()}, y.type, 0, 0);
  return kernel;
}

}  // namespace

DRAWBAR_CPU_TACTIC(transpose_copy, .op = "Transpose", .name = "copy", .applies = applies,
                   .seconds = seconds, .make = make);

}  // namespace drawbar::cpu

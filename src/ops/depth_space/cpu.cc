#include <utility>

#include "ops/depth_space/op.h"
#include "targets/cpu/copy/copy_kernel.h"

namespace drawbar::cpu {
namespace {

bool applies(const Problem& p) { return all_copyable(p.inputs, p.outputs[0]); }

double seconds(const Problem& p) {
  return copy_seconds(2 * storage_bytes(p.outputs[0].type, p.outputs[0].size()));
}

std::unique_ptr<Kernel> make_wide(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  const auto& op = *p.op.as<ops::DepthToSpace>();
  auto kernel = std::make_unique<CopyKernel>();
  kernel->add(
      ops::depth_to_space_copy(op.block_size, op.channels_first, x.shape, x.strides(), y.strides()),
      y.type, 0, 0);
  return kernel;
}

std::unique_ptr<Kernel> make_deep(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  const auto& op = *p.op.as<ops::SpaceToDepth>();
  ops::StridedCopy copy =
      ops::depth_to_space_copy(op.block_size, op.channels_first, y.shape, y.strides(), x.strides());
  std::swap(copy.from_strides, copy.to_strides);
  auto kernel = std::make_unique<CopyKernel>();
  kernel->add(copy, y.type, 0, 0);
  return kernel;
}

}  // namespace

DRAWBAR_CPU_LAYOUT(DepthToSpace, any);
DRAWBAR_CPU_LAYOUT(SpaceToDepth, any);
DRAWBAR_CPU_TACTIC(depth_to_space_copy, .op = "DepthToSpace", .name = "copy", .applies = applies,
                   .seconds = seconds, .make = make_wide);
DRAWBAR_CPU_TACTIC(space_to_depth_copy, .op = "SpaceToDepth", .name = "copy", .applies = applies,
                   .seconds = seconds, .make = make_deep);

}  // namespace drawbar::cpu

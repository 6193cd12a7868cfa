#include <utility>

#include "ops/depth_space/op.h"
#include "ops/movement/cuda_copy.h"

namespace drawbar::cuda {
namespace {

bool applies(const Problem& p) { return all_copyable(p.inputs, p.outputs[0]); }

double seconds(const Problem& p) {
  return movement_seconds(p, p.outputs[0].size(), p.outputs[0].type);
}

std::unique_ptr<Kernel> make_wide(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  const auto& op = *p.op.as<ops::DepthToSpace>();
  CopyPlan plan;
  plan.add(
      ops::depth_to_space_copy(op.block_size, op.channels_first, x.shape, x.strides(), y.strides()),
      y.type, 0, 0);
  return plan.kernel();
}

std::unique_ptr<Kernel> make_deep(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  const auto& op = *p.op.as<ops::SpaceToDepth>();
  ops::StridedCopy copy =
      ops::depth_to_space_copy(op.block_size, op.channels_first, y.shape, y.strides(), x.strides());
  std::swap(copy.from_strides, copy.to_strides);
  CopyPlan plan;
  plan.add(copy, y.type, 0, 0);
  return plan.kernel();
}

DRAWBAR_CUDA_LAYOUT(DepthToSpace, any);
DRAWBAR_CUDA_LAYOUT(SpaceToDepth, any);
DRAWBAR_CUDA_TACTIC(depth_to_space_copy, .op = "DepthToSpace", .name = "copy", .applies = applies,
                    .seconds = seconds, .make = make_wide);
DRAWBAR_CUDA_TACTIC(space_to_depth_copy, .op = "SpaceToDepth", .name = "copy", .applies = applies,
                    .seconds = seconds, .make = make_deep);

}  // namespace
}  // namespace drawbar::cuda

#include <algorithm>

#include "ops/crop/op.h"
#include "ops/movement/cuda_copy.h"
#include "ops/pad/cuda_plan.h"

namespace drawbar::cuda {
namespace {

bool applies(const Problem& p) { return all_copyable(p.inputs.first(1), p.outputs[0]); }

double seconds(const Problem& p) {
  return movement_seconds(p, p.outputs[0].size(), p.outputs[0].type);
}

/// What is cut and padded follows from the shapes.
std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  std::vector<ops::PadAxis> axes;
  for (size_t i = 0; i < y.shape.size(); ++i) {
    const int64_t from = x.shape[i], to = y.shape[i];
    axes.push_back({ops::PadMode::constant, std::max<int64_t>(from - to, 0) / 2, std::min(from, to),
                    std::max<int64_t>(to - from, 0) / 2, to});
  }
  return pad_kernel(x, y, axes, std::nullopt);
}

DRAWBAR_CUDA_LAYOUT(CenterCropPad, any);
DRAWBAR_CUDA_TACTIC(center_crop_pad, .op = "CenterCropPad", .name = "elements", .applies = applies,
                    .seconds = seconds, .make = make);

}  // namespace
}  // namespace drawbar::cuda

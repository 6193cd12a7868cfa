#include "ops/movement/cuda_copy.h"
#include "ops/pad/cuda_plan.h"

namespace drawbar::cuda {
namespace {

std::vector<ops::PadAxis> axes_of(const Problem& p) {
  const auto list = [&](size_t i) {
    const bool there = i < p.inputs.size() && p.inputs[i].present;
    return there ? read_integers(p.inputs[i].constant->tensor()) : std::vector<int64_t>{};
  };
  return ops::pad_axes(p.op.as<ops::Pad>()->mode, p.inputs[0].shape, list(1), list(3));
}

bool has_value(const Problem& p) { return p.inputs.size() > 2 && p.inputs[2].present; }

bool applies(const Problem& p) {
  const auto known = [&](size_t i) {
    return i >= p.inputs.size() || !p.inputs[i].present || p.inputs[i].constant;
  };
  if (!all_copyable(p.inputs.first(1), p.outputs[0]) || !known(1) || !known(3)) return false;
  if (has_value(p) && p.inputs[2].size() != 1) return false;
  try {
    axes_of(p);
  } catch (const Error&) {
    return false;  // pads that do not fit, which the reference will say
  }
  return true;
}

double seconds(const Problem& p) {
  return movement_seconds(p, p.outputs[0].size(), p.outputs[0].type);
}

std::unique_ptr<Kernel> make(const Problem& p) {
  return pad_kernel(p.inputs[0], p.outputs[0], axes_of(p),
                    has_value(p) ? std::optional<size_t>(2) : std::nullopt);
}

DRAWBAR_CUDA_LAYOUT(Pad, any);
DRAWBAR_CUDA_TACTIC(pad_elements, .op = "Pad", .name = "elements", .applies = applies,
                    .seconds = seconds, .make = make);

}  // namespace
}  // namespace drawbar::cuda

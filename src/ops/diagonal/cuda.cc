#include "ops/diagonal/op.h"
#include "ops/movement/cuda_copy.h"

namespace drawbar::cuda {
namespace {

bool applies(const Problem& p) { return all_copyable(p.inputs, p.outputs[0]); }

double seconds(const Problem& p) {
  return movement_seconds(p, p.outputs[0].size(), p.outputs[0].type);
}

std::unique_ptr<Kernel> make(const Problem& p) {
  const Operand &x = p.inputs[0], &y = p.outputs[0];
  const auto& op = *p.op.as<ops::Diagonal>();
  Shape strides = x.strides();
  const auto first = static_cast<size_t>(Infer::axis(op.first, x.rank()));
  const auto second = static_cast<size_t>(Infer::axis(op.second, x.rank()));
  strides[first] += strides[second];
  strides.erase(strides.begin() + static_cast<int64_t>(second));
  CopyPlan plan;
  plan.add({y.shape, strides, y.strides()}, y.type, 0, 0);
  return plan.kernel();
}

DRAWBAR_CUDA_TACTIC(diagonal_copy, .op = "Diagonal", .name = "copy", .applies = applies,
                    .seconds = seconds, .make = make);

}  // namespace
}  // namespace drawbar::cuda

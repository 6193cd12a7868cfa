#include <algorithm>

#include "ops/shape/op.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {
namespace {

constexpr int64_t block_threads = 256;

Launch launch_of(std::string call, int64_t items, std::vector<Argument> arguments) {
  return launch_along_x("ops/shape/cuda_fill.cuh", std::move(call),
                        blocks_for(items, block_threads).x, block_threads, std::move(arguments));
}

/// The limit has given the output's shape.
bool range_applies(const Problem& p) {
  return have_code_names(p) && p.outputs[0].type != ElementType::boolean &&
         std::all_of(p.inputs.begin(), p.inputs.end(),
                     [](const Operand& o) { return o.size() == 1; });
}

bool eye_applies(const Problem& p) {
  return has_code_name(p.outputs[0].type) && p.outputs[0].rank() == 2;
}

double seconds(const Problem& p) {
  const Operand& y = p.outputs[0];
  return p.gpu.launch_seconds +
         static_cast<double>(storage_bytes(y.type, y.size())) / p.gpu.bandwidth;
}

std::unique_ptr<Kernel> make_range(const Problem& p) {
  const Operand& y = p.outputs[0];
  return make_kernel(launch_of(fmt::format("shape::range<{}, {}>", code_name(y.type), y.size()),
                               y.size(), {input(p, 0), input(p, 2), output(p, 0)}));
}

std::unique_ptr<Kernel> make_eye(const Problem& p) {
  const Operand& y = p.outputs[0];
  const int64_t most = std::max(y.dim(0), y.dim(1));  // so far off, it is outside anyway
  const int64_t k = std::clamp(p.op.as<ops::EyeLike>()->k, -most, most);
  return make_kernel(
      launch_of(fmt::format("shape::eye<{}, {}, {}, {}>", code_name(y.type), y.dim(1), k, y.size()),
                y.size(), {output(p, 0)}));
}

DRAWBAR_CUDA_TACTIC(range, .op = "Range", .name = "elements", .applies = range_applies,
                    .seconds = seconds, .make = make_range);
DRAWBAR_CUDA_TACTIC(eye_like, .op = "EyeLike", .name = "elements", .applies = eye_applies,
                    .seconds = seconds, .make = make_eye);

}  // namespace
}  // namespace drawbar::cuda

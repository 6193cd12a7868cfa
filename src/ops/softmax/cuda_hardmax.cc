#include "ops/reduce/cuda_reduction.h"
#include "ops/softmax/op.h"

namespace drawbar::cuda {
namespace {

bool applies(const Problem& problem) {
  return is_real(problem.inputs[0].type) && problem.inputs[0].layout == problem.outputs[0].layout;
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const Operand& x = problem.inputs[0];
  const Lines lines = lines_along(x, problem.op.as<ops::Hardmax>()->axis);
  const int64_t threads = 256, lanes = lines.inner == 1 ? 32 : 1, teams = threads / lanes;
  Launch launch;
  launch.file = "ops/softmax/cuda_hardmax.cuh";
  launch.call = fmt::format("softmax::hardmax<{}, {}, {}, {}, {}, {}>", code_name(x.type),
                            lines.count(), lines.length, lines.inner, lanes, threads);
  launch.grid.x = (lines.count() + teams - 1) / teams;
  launch.block.x = threads;
  launch.synchronises = lanes > 1;
  launch.arguments = {input(problem, 0), output(problem, 0)};
  return make_kernel(std::move(launch));
}

double seconds(const Problem& problem) { return 2 * streaming_seconds(problem); }

DRAWBAR_CUDA_TACTIC(hardmax, "Hardmax", "hardmax", applies, seconds, make);
DRAWBAR_CUDA_LAYOUT(Hardmax, any);

}  // namespace
}  // namespace drawbar::cuda

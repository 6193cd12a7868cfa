#include <algorithm>

#include "ops/arg_reduce/op.h"
#include "ops/movement/cuda_copy.h"
#include "ops/reduce/cuda_reduction.h"

namespace drawbar::cuda {
namespace {

using ops::ArgReduce;

/// Lines in the order of x's memory are results in that of y's.
bool same_order(const Problem& problem) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  if (x.layout == Layout::row_major) return y.layout == Layout::row_major;
  const auto& op = *problem.op.as<ArgReduce>();
  const int64_t axis = Infer::axis(op.axis, x.rank());
  return op.keep_dims ? y.layout == x.layout : axis == 1;
}

bool applies(const Problem& problem) {
  const ElementType type = problem.inputs[0].type;
  return (is_real(type) || (is_integer(type) && has_code_name(type))) && same_order(problem);
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const auto& op = *problem.op.as<ArgReduce>();
  const Operand& x = problem.inputs[0];
  const Lines lines = lines_along(x, op.axis);
  // Neighbouring threads have neighbouring elements; few lines are shared whatever their order.
  const bool few = lines.count() < 64 * problem.gpu.multiprocessors;
  int64_t lanes = lines.inner == 1 || (few && lines.length >= 256) ? 32 : 1;
  if (lanes == 32 && few && lines.length >= 1024) lanes = 256;
  if (lanes == 32) lanes = std::min(lanes, power_of_two_from(lines.length));
  const int64_t threads = 256, teams = threads / lanes;
  Launch launch;
  launch.file = "ops/arg_reduce/cuda_lines.cuh";
  launch.call =
      fmt::format("arg_reduce::lines<{}, {}, {}, {}, {}, {}, {}, {}, {}>", code_name(x.type),
                  index_type(lines.length * lines.inner), lines.count(), lines.length, lines.inner,
                  lanes, threads, op.minimum, op.select_last);
  launch.grid.x = (lines.count() + teams - 1) / teams;
  launch.block.x = threads;
  launch.synchronises = lanes > 1;
  launch.arguments = {input(problem, 0), output(problem, 0)};
  return make_kernel(std::move(launch));
}

double seconds(const Problem& problem) {
  return streaming_seconds(problem, 8.0 * static_cast<double>(problem.inputs[0].size()));
}

DRAWBAR_CUDA_TACTIC(arg_max, "ArgMax", "arg_max", applies, seconds, make);
DRAWBAR_CUDA_TACTIC(arg_min, "ArgMin", "arg_min", applies, seconds, make);
DRAWBAR_CUDA_LAYOUT(ArgMax, any);
DRAWBAR_CUDA_LAYOUT(ArgMin, any);

}  // namespace
}  // namespace drawbar::cuda

#include <algorithm>

#include "ops/cumulative/op.h"
#include "ops/reduce/cuda_reduction.h"

namespace drawbar::cuda {
namespace {

using ops::Cumulative;

bool applies(const Problem& problem) {
  const ElementType type = problem.inputs[0].type;
  return problem.inputs[1].constant &&
         (is_real(type) || (is_integer(type) && has_code_name(type))) &&
         problem.inputs[0].layout == problem.outputs[0].layout;
}

Lines lines_of(const Problem& problem) {
  return lines_along(problem.inputs[0], read_integers(problem.inputs[1].constant->tensor())[0]);
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const auto& op = *problem.op.as<Cumulative>();
  const ElementType type = problem.inputs[0].type;
  const Lines lines = lines_of(problem);
  const std::string way = fmt::format("{}, {}, {}", op.product, op.exclusive, op.reverse);
  const bool rows = lines.inner == 1;
  const int64_t threads =
      rows ? std::clamp<int64_t>(power_of_two_from(lines.length), 32, 256) : 128;
  Launch launch;
  launch.file = "ops/cumulative/cuda_scan.cuh";
  launch.call = rows ? fmt::format("cumulative::rows<{}, {}, {}, {}>", code_name(type),
                                   lines.length, threads, way)
                     : fmt::format("cumulative::columns<{}, {}, {}, {}, {}, {}>", code_name(type),
                                   lines.count(), lines.length, lines.inner, threads, way);
  launch.grid.x = rows ? lines.count() : (lines.count() + threads - 1) / threads;
  launch.block.x = threads;
  launch.synchronises = rows;
  launch.arguments = {input(problem, 0), output(problem, 0)};
  return make_kernel(std::move(launch));
}

/// A thread waits for memory at every few elements of its line.
double seconds(const Problem& problem) {
  const Lines lines = lines_of(problem);
  const double steps = static_cast<double>(lines.length) / (lines.inner == 1 ? 256 : 4);
  return std::max(streaming_seconds(problem), problem.gpu.launch_seconds + steps * 0.7e-6);
}

DRAWBAR_CUDA_TACTIC(sums, "CumSum", "cum_sum", applies, seconds, make);
DRAWBAR_CUDA_TACTIC(products, "CumProd", "cum_prod", applies, seconds, make);
DRAWBAR_CUDA_LAYOUT(CumSum, any);
DRAWBAR_CUDA_LAYOUT(CumProd, any);

}  // namespace
}  // namespace drawbar::cuda

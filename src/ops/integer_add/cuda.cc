#include "ops/integer_add/op.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {
namespace {

constexpr int64_t block_threads = 256;

bool applies(const Problem& problem) {
  const Operand& y = problem.outputs[0];
  return problem.inputs[0].layout == y.layout && problem.inputs[3].layout == y.layout &&
         y.pitch == 0;
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const int64_t size = problem.outputs[0].size();
  int64_t width = 16;
  while (size % width != 0) width /= 2;
  Launch launch;
  launch.file = "ops/integer_add/cuda_add.cuh";
  launch.call = fmt::format("integer_add::add<{}, {}>", size, width);
  launch.grid = blocks_for(size / width, block_threads);
  launch.block.x = block_threads;
  for (size_t i = 0; i < 8; ++i) launch.arguments.push_back(input(problem, i));
  launch.arguments.push_back(output(problem, 0));
  return make_kernel(std::move(launch));
}

double seconds(const Problem& problem) {
  return streaming_seconds(problem, 16.0 * static_cast<double>(problem.outputs[0].size()));
}

DRAWBAR_CUDA_TACTIC(add, .op = "QLinearAdd", .name = "add_bytes", .applies = applies,
                    .seconds = seconds, .make = make, .in_place = 0);
DRAWBAR_CUDA_LAYOUT(QLinearAdd, any);

}  // namespace
}  // namespace drawbar::cuda

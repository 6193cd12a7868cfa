#include "ops/lrn/op.h"
#include "ops/movement/cuda_copy.h"
#include "ops/reduce/cuda_reduction.h"

namespace drawbar::cuda {
namespace {

bool applies(const Problem& problem) {
  return is_real(problem.inputs[0].type) && problem.inputs[0].layout == problem.outputs[0].layout;
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  constexpr int64_t threads = 256;
  const auto& op = *problem.op.as<ops::Lrn>();
  const Operand& x = problem.inputs[0];
  Launch launch;
  launch.file = "ops/lrn/cuda_channels.cuh";
  launch.call =
      fmt::format("lrn::normalise<{}, {}, {}, {}, {}, {}, {}, {}, {}, {}>", code_name(x.type),
                  index_type(x.size()), x.size(), x.dim(1), x.strides()[1], op.size, threads,
                  float_bits(op.alpha), float_bits(op.beta), float_bits(op.bias));
  launch.grid = blocks_for(x.size(), threads);
  launch.block.x = threads;
  launch.arguments = {input(problem, 0), output(problem, 0)};
  return make_kernel(std::move(launch));
}

double seconds(const Problem& problem) {
  const auto window = static_cast<double>(problem.op.as<ops::Lrn>()->size);
  return streaming_seconds(problem,
                           (40 + 4 * window) * static_cast<double>(problem.inputs[0].size()));
}

DRAWBAR_CUDA_TACTIC(lrn, "LRN", "lrn", applies, seconds, make);
DRAWBAR_CUDA_LAYOUT(LRN, any);

}  // namespace
}  // namespace drawbar::cuda

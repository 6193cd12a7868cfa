#include "ops/batch_norm/op.h"
#include "ops/movement/cuda_copy.h"
#include "ops/reduce/cuda_reduction.h"

namespace drawbar::cuda {
namespace {

using ops::BatchNorm;

constexpr const char* file = "ops/batch_norm/cuda_channels.cuh";
constexpr int64_t threads = 256;

bool applies(const Problem& problem) {
  for (const auto& operands : {problem.inputs, problem.outputs}) {
    for (const Operand& operand : operands) {
      if (operand.present && !is_real(operand.type)) return false;
    }
  }
  return problem.outputs[0].present && problem.inputs[0].layout == problem.outputs[0].layout &&
         problem.inputs[1].type == problem.inputs[2].type;
}

bool gives(const Problem& problem, size_t i) {
  return i < problem.outputs.size() && problem.outputs[i].present;
}

/// Of the moments in scratch memory.
ElementType moment_type(const Problem& problem) {
  return problem.inputs[0].type == ElementType::f64 ? ElementType::f64 : ElementType::f32;
}

int64_t channels_of(const Operand& x) { return x.rank() > 1 ? x.dim(1) : 1; }
int64_t moment_bytes(const Problem& problem) {
  return channels_of(problem.inputs[0]) * bits(moment_type(problem)) / 8;
}

Launch normalise(const Problem& problem) {
  const auto& op = *problem.op.as<BatchNorm>();
  const Operand& x = problem.inputs[0];
  const int64_t channels = channels_of(x), size = x.size();
  const int64_t inner = channels == 1 ? size : x.strides()[1];
  const int64_t width = vector_width(size, x.type);
  Launch launch;
  launch.file = file;
  launch.call = fmt::format("batch_norm::normalise<{}, {}, {}, {}, {}, {}, {}>", index_type(size),
                            size, channels, inner, width, threads, float_bits(op.epsilon));
  launch.grid = blocks_for(size / width, threads);
  launch.block.x = threads;
  for (size_t i = 0; i < 5; ++i) launch.arguments.push_back(input(problem, i));
  launch.arguments.push_back(output(problem, 0));
  if (op.training) {
    const auto bytes = static_cast<size_t>(moment_bytes(problem));
    launch.arguments[3] = scratch(0, moment_type(problem));
    launch.arguments[4] = scratch(bytes, moment_type(problem));
  }
  return launch;
}

Launch train(const Problem& problem) {
  const Operand& x = problem.inputs[0];
  const int64_t channels = channels_of(x), images = x.rank() > 0 ? x.dim(0) : 1;
  const Shape strides = x.strides();
  const auto stride = [&](size_t axis) { return axis < strides.size() ? strides[axis] : 1; };
  Launch launch;
  launch.file = file;
  launch.call = fmt::format("batch_norm::train<{}, {}, {}, {}, {}, {}, {}, {}, {}, {}>", images,
                            channels, x.size() / images / channels, stride(0), stride(1),
                            x.rank() > 2 ? strides.back() : 1, threads,
                            float_bits(problem.op.as<BatchNorm>()->momentum), gives(problem, 1),
                            gives(problem, 2));
  launch.grid.x = channels;
  launch.block.x = threads;
  launch.synchronises = true;
  launch.arguments = {input(problem, 0), input(problem, 3), input(problem, 4),
                      scratch(0, moment_type(problem))};
  // Of outputs that are not wanted only the type counts.
  for (size_t i : {1, 2}) {
    launch.arguments.push_back(gives(problem, i) ? output(problem, i)
                                                 : scratch(0, problem.inputs[i + 2].type));
  }
  return launch;
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  if (!problem.op.as<BatchNorm>()->training) return make_kernel(normalise(problem));
  return std::make_unique<LaunchedKernel>(std::vector{train(problem), normalise(problem)},
                                          static_cast<size_t>(2 * moment_bytes(problem)));
}

double seconds(const Problem& problem) {
  return streaming_seconds(problem) * (problem.op.as<BatchNorm>()->training ? 3 : 1);
}

DRAWBAR_CUDA_TACTIC(batch_norm, "BatchNorm", "batch_norm", applies, seconds, make);
DRAWBAR_CUDA_LAYOUT(BatchNorm, any);

}  // namespace
}  // namespace drawbar::cuda

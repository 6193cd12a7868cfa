#include "ops/conv/cuda_window.h"
#include "ops/conv/op.h"

namespace drawbar::cuda {
namespace {

ConvolutionProblem convolution(const Problem& problem) {
  const ops::Conv& op = *problem.op.as<ops::Conv>();
  const Operand &x = problem.inputs[0], &w = problem.inputs[1];
  return {problem, ops::Window3(convolution_window(op, w.shape), x.shape), false, op.group,
          op.post};
}

[[maybe_unused]] const bool registered =
    ConvolutionTactics<convolution>::register_all(ops::Conv::name);
DRAWBAR_CUDA_LAYOUT(Conv, channels_last);

}  // namespace
}  // namespace drawbar::cuda

#include "ops/conv/cuda_window.h"
#include "ops/conv_transpose/op.h"

// As a convolution for each phase of the output (its remainders by the strides): a phase's results
// are reached by the same taps.

namespace drawbar::cuda {
namespace {

ConvolutionProblem convolution(const Problem& problem) {
  const ops::ConvTranspose& op = *problem.op.as<ops::ConvTranspose>();
  const Operand &x = problem.inputs[0], &w = problem.inputs[1];
  return {problem, transposed_window(op, x.shape, w.shape), true, op.group, op.post};
}

[[maybe_unused]] const bool registered =
    ConvolutionTactics<convolution>::register_all(ops::ConvTranspose::name);
DRAWBAR_CUDA_LAYOUT(ConvTranspose, channels_last);

}  // namespace
}  // namespace drawbar::cuda

#pragma once

#include "ops/matmul/cuda_product.h"
#include "ops/window/window.h"

namespace drawbar::cuda {

/// A convolution as device code sees it: Conv, or ConvTranspose by its transposed_window.
struct ConvolutionProblem {
  const Problem& problem;
  ops::Window3 window;
  bool transposed = false;
  int64_t groups = 1;
  const ops::Program& post;

  const Operand& x() const { return problem.inputs[0]; }
  const Operand& w() const { return problem.inputs[1]; }
  const Operand& y() const { return problem.outputs[0]; }
  int64_t channels() const { return x().dim(1) / groups; }
  int64_t outputs() const { return y().dim(1) / groups; }
};

/// Whether the kernels know the operands' types, ranks and sizes.
bool convolution_applies(const ConvolutionProblem& c);

/// As a product in tiles; `pack_weights` before a kernel is made of it.
Product convolution_product(const ConvolutionProblem& c);
void pack_weights(const ConvolutionProblem& c, Product& product);

/// Every result by a thread of its own; for groups of few outputs.
double direct_seconds(const ConvolutionProblem& c);
std::unique_ptr<Kernel> make_direct(const ConvolutionProblem& c);

/// Depthwise, x and y channels-last, not transposed, of constant weights: threads share inputs
/// along a line.
bool depthwise_applies(const ConvolutionProblem& c);
double depthwise_seconds(const ConvolutionProblem& c);
std::unique_ptr<Kernel> make_depthwise(const ConvolutionProblem& c);

}  // namespace drawbar::cuda

#pragma once

#include <vector>

#include "ir/evaluate.h"
#include "ir/infer.h"
#include "ops/pointwise/program.h"

namespace drawbar::ops {

/// The reference of the program behind a convolution: x0 is the sum, x1, x2, … are the node's
/// inputs from 3 on, broadcast to y [N, M, o1…on].
class ConvolutionPost {
 public:
  ConvolutionPost(const Program& program, const Evaluation& e, const Shape& y);

  /// `position` counts within one channel of one image; `values` is memory to work in.
  double operator()(double sum, int64_t image, int64_t channel, int64_t position,
                    std::vector<double>& values) const;

 private:
  const Program& program_;
  Shape y_;
  std::vector<const Tensor*> extras_;
  std::vector<Shape> strides_;
};

/// Checks the inputs of a convolution: x, w, b (optional) and those of `post` are there, of one
/// float type, those of `half_weights` (bit i: input i) f16 or bf16 where x is f32. Throws
/// INVALID_MODEL.
void check_convolution_inputs(const Program& post, const Infer& context, uint32_t half_weights = 0);

/// Checks b [M] and that the further inputs broadcast to y. Throws INVALID_MODEL.
void check_convolution_extras(const Infer& context, const Dims& y);

}  // namespace drawbar::ops

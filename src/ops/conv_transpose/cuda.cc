#include "ops/conv/cuda_window.h"
#include "ops/conv_transpose/op.h"

// As a convolution for each phase of the output (its remainders by the strides): a phase's results
// are reached by the same taps.

namespace drawbar::cuda {
namespace {

using ops::ConvTranspose;

constexpr int64_t most_direct_outputs = 4;  // of a group; tiles would stay nearly empty

ConvolutionProblem convolution(const Problem& problem) {
  const ConvTranspose& op = *problem.op.as<ConvTranspose>();
  const Operand &x = problem.inputs[0], &w = problem.inputs[1];
  return {problem, transposed_window(op, x.shape, w.shape), true, op.group, op.post};
}

bool applies(const Problem& problem) {
  if (problem.inputs[0].rank() < 3 || problem.inputs[0].rank() > 5) return false;
  return convolution_applies(convolution(problem));
}
/// Not for depthwise convolutions: a tile would be nearly empty.
bool tiled_applies(const Problem& problem) {
  if (!applies(problem)) return false;
  const ConvolutionProblem c = convolution(problem);
  return c.channels() > 1 || c.outputs() > most_direct_outputs;
}
double small_seconds(const Problem& problem) {
  const Product product = convolution_product(convolution(problem));
  return tiled_seconds(product, small_tile(product, problem.gpu), problem.gpu);
}
std::unique_ptr<Kernel> make_small(const Problem& problem) {
  const ConvolutionProblem c = convolution(problem);
  Product product = convolution_product(c);
  pack_weights(c, product);
  const ProductTile tile = small_tile(product, problem.gpu);
  return make_tiled(std::move(product), tile, problem.gpu);
}

bool large_applies(const Problem& problem) {
  if (!tiled_applies(problem) || problem.inputs[0].type == ElementType::f64) return false;
  const Product product = convolution_product(convolution(problem));
  return product.rows > 64 && product.columns > 64;
}

bool matrix_applies(const Problem& problem) {
  return tiled_applies(problem) &&
         matrix_units_apply(convolution_product(convolution(problem)), problem);
}
bool large_matrix_applies(const Problem& problem) {
  return large_applies(problem) && matrix_applies(problem);
}
template <const ProductTile& tile>
double seconds_of(const Problem& problem) {
  return tiled_seconds(convolution_product(convolution(problem)), tile, problem.gpu);
}
template <const ProductTile& tile>
std::unique_ptr<Kernel> make_of(const Problem& problem) {
  const ConvolutionProblem c = convolution(problem);
  Product product = convolution_product(c);
  pack_weights(c, product);
  return make_tiled(std::move(product), tile, problem.gpu);
}

bool direct_applies(const Problem& problem) {
  return applies(problem) && convolution(problem).outputs() <= most_direct_outputs;
}

DRAWBAR_CUDA_TACTIC(conv_transpose_small, "ConvTranspose", "conv_transpose_small_tiles", tiled_applies, small_seconds,
                    make_small);
DRAWBAR_CUDA_TACTIC(conv_transpose_large, "ConvTranspose", "conv_transpose_large_tiles", large_applies, seconds_of<large_tile>,
                    make_of<large_tile>);
DRAWBAR_CUDA_TACTIC(conv_transpose_matrix, "ConvTranspose", "conv_transpose_matrix_units", matrix_applies,
                    seconds_of<matrix_tile>, make_of<matrix_tile>);
DRAWBAR_CUDA_TACTIC(conv_transpose_large_matrix, "ConvTranspose", "conv_transpose_matrix_units_large", large_matrix_applies,
                    seconds_of<large_matrix_tile>, make_of<large_matrix_tile>);
DRAWBAR_CUDA_TACTIC(
    conv_transpose_direct, "ConvTranspose", "conv_transpose_direct", direct_applies,
    [](const Problem& problem) { return direct_seconds(convolution(problem)); },
    [](const Problem& problem) { return make_direct(convolution(problem)); });
DRAWBAR_CUDA_LAYOUT(ConvTranspose, channels_last);

}  // namespace
}  // namespace drawbar::cuda

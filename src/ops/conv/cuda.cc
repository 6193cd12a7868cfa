#include "ops/conv/cuda_window.h"
#include "ops/conv/op.h"

namespace drawbar::cuda {
namespace {

using ops::Conv;

constexpr int64_t most_direct_outputs = 4;  // of a group; tiles would stay nearly empty

bool has_window(const Problem& problem) {
  return problem.inputs[0].rank() >= 3 && problem.inputs[0].rank() <= 5;
}

ConvolutionProblem convolution(const Problem& problem) {
  const Conv& op = *problem.op.as<Conv>();
  const Operand &x = problem.inputs[0], &w = problem.inputs[1];
  return {problem, ops::Window3(convolution_window(op, w.shape), x.shape), false, op.group,
          op.post};
}

bool applies(const Problem& problem) {
  return has_window(problem) && convolution_applies(convolution(problem));
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
bool lines_apply(const Problem& problem) {
  return applies(problem) && depthwise_applies(convolution(problem));
}

DRAWBAR_CUDA_TACTIC(conv_small, "Conv", "conv_small_tiles", tiled_applies, small_seconds,
                    make_small);
DRAWBAR_CUDA_TACTIC(conv_large, "Conv", "conv_large_tiles", large_applies, seconds_of<large_tile>,
                    make_of<large_tile>);
DRAWBAR_CUDA_TACTIC(conv_matrix, "Conv", "conv_matrix_units", matrix_applies,
                    seconds_of<matrix_tile>, make_of<matrix_tile>);
DRAWBAR_CUDA_TACTIC(conv_large_matrix, "Conv", "conv_matrix_units_large", large_matrix_applies,
                    seconds_of<large_matrix_tile>, make_of<large_matrix_tile>);
DRAWBAR_CUDA_TACTIC(
    conv_direct, "Conv", "conv_direct", direct_applies,
    [](const Problem& problem) { return direct_seconds(convolution(problem)); },
    [](const Problem& problem) { return make_direct(convolution(problem)); });
DRAWBAR_CUDA_TACTIC(
    conv_depthwise, "Conv", "conv_depthwise", lines_apply,
    [](const Problem& problem) { return depthwise_seconds(convolution(problem)); },
    [](const Problem& problem) { return make_depthwise(convolution(problem)); });
DRAWBAR_CUDA_LAYOUT(Conv, channels_last);

}  // namespace
}  // namespace drawbar::cuda

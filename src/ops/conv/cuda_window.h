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

/// The tactics of an operator whose problems `of` understands; x has 1 to 3 spatial dimensions when
/// it is called.
template <ConvolutionProblem (*of)(const Problem&)>
struct ConvolutionTactics {
  static constexpr int64_t most_direct_outputs = 4;  // of a group

  static bool applies(const Problem& problem) {
    return problem.inputs[0].rank() >= 3 && problem.inputs[0].rank() <= 5 &&
           convolution_applies(of(problem));
  }
  static Product product(const Problem& problem) { return convolution_product(of(problem)); }

  /// Not for depthwise convolutions: a tile would be nearly empty.
  static bool tiles(const Problem& problem) {
    if (!applies(problem)) return false;
    const ConvolutionProblem c = of(problem);
    return c.channels() > 1 || c.outputs() > most_direct_outputs;
  }
  static bool has_large(const Problem& problem) {
    const Product p = product(problem);
    return p.rows > 64 && p.columns > 64;
  }
  static bool matrix_units(const Problem& problem) {
    return tiles(problem) && matrix_units_apply(product(problem), problem);
  }
  static bool large_matrix_units(const Problem& problem) {
    return matrix_units(problem) && has_large(problem);
  }
  /// Tiles of f64 would fill more than shared memory.
  static bool large_tiles(const Problem& problem) {
    return tiles(problem) && has_large(problem) && !matrix_units(problem) &&
           problem.inputs[0].type != ElementType::f64;
  }

  template <const ProductTile& tile>
  static double tile_seconds(const Problem& problem) {
    return tiled_seconds(product(problem), tile, problem.gpu);
  }
  static std::unique_ptr<Kernel> make(const Problem& problem, const ProductTile& tile) {
    const ConvolutionProblem c = of(problem);
    Product p = convolution_product(c);
    pack_weights(c, p);
    return make_tiled(std::move(p), tile, problem.gpu);
  }
  template <const ProductTile& tile>
  static std::unique_ptr<Kernel> make_tile(const Problem& problem) {
    return make(problem, tile);
  }
  static double small_seconds(const Problem& problem) {
    const Product p = product(problem);
    return tiled_seconds(p, small_tile(p, problem.gpu), problem.gpu);
  }
  static std::unique_ptr<Kernel> make_small(const Problem& problem) {
    return make(problem, small_tile(product(problem), problem.gpu));
  }

  static bool direct(const Problem& problem) {
    return applies(problem) && of(problem).outputs() <= most_direct_outputs;
  }
  static bool depthwise(const Problem& problem) {
    return applies(problem) && depthwise_applies(of(problem));
  }

  static bool register_all(std::string_view op) {
    register_tactic({op, "conv_small_tiles", tiles, small_seconds, make_small});
    register_tactic(
        {op, "conv_large_tiles", large_tiles, tile_seconds<large_tile>, make_tile<large_tile>});
    register_tactic(
        {op, "conv_matrix_units", matrix_units, tile_seconds<matrix_tile>, make_tile<matrix_tile>});
    register_tactic({op, "conv_matrix_units_large", large_matrix_units,
                     tile_seconds<large_matrix_tile>, make_tile<large_matrix_tile>});
    register_tactic({op, "conv_direct", direct,
                     [](const Problem& problem) { return direct_seconds(of(problem)); },
                     [](const Problem& problem) { return make_direct(of(problem)); }});
    register_tactic({op, "conv_depthwise", depthwise,
                     [](const Problem& problem) { return depthwise_seconds(of(problem)); },
                     [](const Problem& problem) { return make_depthwise(of(problem)); }});
    return true;
  }
};

}  // namespace drawbar::cuda

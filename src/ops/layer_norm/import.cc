#include "import/onnx/node.h"
#include "ops/layer_norm/op.h"
#include "ops/pointwise/op.h"

namespace drawbar::onnx {
namespace {

using ops::LayerNorm;

LayerNorm normalization(const OnnxNode& node, bool root_mean_square, float epsilon = 1e-5f) {
  return LayerNorm{.root_mean_square = root_mean_square,
                   .axis = node.integer("axis", -1),
                   .epsilon = static_cast<float>(node.number("epsilon", epsilon)),
                   .stash = node.element_type("stash_type", ElementType::f32)};
}

/// Some models ask for the statistics; those are not computed unless they are read.
void answer(OnnxNode& node, LayerNorm norm, std::vector<ValueId> inputs,
            std::initializer_list<size_t> order) {
  size_t wanted = 1, position = 0;
  for (size_t output : order) {
    if (position < node.outputs() && node.output_used(position)) {
      wanted = std::max(wanted, output + 1);
    }
    ++position;
  }
  const std::vector<ValueId> values = node.add_all(std::move(norm), std::move(inputs), wanted);
  position = 0;
  for (size_t output : order) {
    if (position < node.outputs() && node.output_used(position)) {
      node.set_output(position, values[output]);
    }
    ++position;
  }
}

void import_skip(OnnxNode& node, bool root_mean_square) {
  const ValueId gamma = node.has_input(2) ? node.input(2) : no_id;
  const size_t bias_input = root_mean_square ? 3 : 4;
  const ValueId beta = !root_mean_square && node.has_input(3) ? node.input(3) : no_id;
  ValueId x = node.input(0);
  if (node.has_input(bias_input)) {
    x = node.add(ops::Elementwise(ops::Function::Add), {x, node.input(bias_input)});
  }
  answer(node, normalization(node, root_mean_square, 1e-12f), {x, gamma, beta, node.input(1)},
         {LayerNorm::y, LayerNorm::mean, LayerNorm::inverse_deviation, LayerNorm::sum});
}

}  // namespace

ONNX_OP(LayerNormalization) {
  answer(node, normalization(node, false), node.all_inputs(),
         {LayerNorm::y, LayerNorm::mean, LayerNorm::inverse_deviation});
}
ONNX_OP(RMSNormalization) {
  answer(node, normalization(node, true), node.all_inputs(), {LayerNorm::y});
}
/// What onnxruntime's older optimiser wrote, and its name for RMSNormalization.
ONNX_OP(SimplifiedLayerNormalization) {
  answer(node, normalization(node, true), node.all_inputs(),
         {LayerNorm::y, LayerNorm::inverse_deviation});
}
ONNX_MICROSOFT_OP(SkipLayerNormalization) { import_skip(node, false); }
ONNX_MICROSOFT_OP(SkipSimplifiedLayerNormalization) { import_skip(node, true); }

}  // namespace drawbar::onnx

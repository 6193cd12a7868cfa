#include "import/onnx/node.h"
#include "ops/cast/op.h"
#include "ops/expand/op.h"
#include "ops/gather/op.h"
#include "ops/layer_norm/op.h"
#include "ops/pointwise/op.h"
#include "ops/reduce/op.h"
#include "ops/shape/op.h"
#include "ops/slice/op.h"

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

/// How many entries of each line of the mask are 1; 0 without a mask.
ValueId token_counts(OnnxNode& node, size_t ids, size_t mask) {
  if (!node.has_input(mask)) {
    const ValueId zero = node.constant_value(Tensor::scalar<int32_t>(0));
    return node.add(ops::Expand{}, {zero, node.add(ops::ShapeOf{0, 1}, {node.input(ids)})});
  }
  Tensor one = Tensor::allocate(node.value(node.input(mask)).type.tensor.element, {});
  write_integer(one, 0, 1);
  const ValueId hits = node.add(ops::Elementwise(ops::Function::Equal),
                                {node.input(mask), node.constant_value(std::move(one))});
  return node.add(ops::Reduce{.kind = ops::Reduction::sum, .axes = {1}, .keep_dims = false},
                  {node.add(ops::Cast{ElementType::i32}, {hits})});
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

/// The sum of word, position and segment embeddings, normalised; how many tokens of each sequence
/// the mask counts (0 without one); the sum itself.
ONNX_MICROSOFT_OP(EmbedLayerNormalization) {
  enum : size_t { ids, segments, words, positions, segment_table, gamma, beta, mask, position_ids };
  const auto rows = [&](size_t table, size_t indices) {
    return node.add(ops::Gather{0}, {node.input(table), node.input(indices)});
  };
  const ValueId length = node.add(ops::ShapeOf{1, 2}, {node.input(ids)});
  const ValueId placed =
      node.has_input(position_ids)
          ? rows(positions, position_ids)
          : node.add(ops::Slice{}, {node.input(positions), node.constant_list({0}), length,
                                    node.constant_list({0})});
  ValueId sum = node.add(ops::Elementwise(ops::Function::Add), {rows(words, ids), placed});
  if (node.has_input(segments)) {
    sum = node.add(ops::Elementwise(ops::Function::Add), {sum, rows(segment_table, segments)});
  }
  node.set_output(
      0, node.add(normalization(node, false, 1e-12f), {sum, node.input(gamma), node.input(beta)}));
  node.set_output(2, sum);
  if (node.output_used(1)) node.set_output(1, token_counts(node, ids, mask));
}

}  // namespace drawbar::onnx

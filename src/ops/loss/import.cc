#include "import/onnx/node.h"
#include "ops/cast/op.h"
#include "ops/loss/op.h"
#include "ops/softmax/op.h"

namespace drawbar::onnx {
namespace {

using ops::NegativeLogLikelihood;

NegativeLogLikelihood loss_of(const OnnxNode& node) {
  NegativeLogLikelihood loss{.ignores = node.has("ignore_index"),
                             .ignored = node.integer("ignore_index", 0)};
  attribute::decode("reduction", Attribute(node.text("reduction", "mean")), loss.reduction);
  return loss;
}

ValueId cast(OnnxNode& node, ValueId value, ElementType to) {
  return node.add(ops::Cast{.to = to}, {value});
}

}  // namespace

ONNX_OP(NegativeLogLikelihoodLoss) { node.replace_with(loss_of(node), node.inputs_padded(2)); }

/// In half precision everything is computed in f32, so that the answers are rounded once.
ONNX_OP(SoftmaxCrossEntropyLoss) {
  std::vector<ValueId> inputs = node.inputs_padded(3);
  const ElementType element = node.value(inputs[0]).type.tensor.element;
  const bool half = is_floating(element) && bits(element) == 16;
  for (size_t i : {0, 2}) {
    if (half && inputs[i] != no_id) inputs[i] = cast(node, inputs[i], ElementType::f32);
  }
  inputs[0] = node.add(ops::Softmax{.axis = 1, .log = true}, {inputs[0]});
  if (node.output_used(1)) {
    node.set_output(1, half ? cast(node, inputs[0], element) : inputs[0]);
  }
  const ValueId loss = node.add(loss_of(node), inputs);
  node.set_output(0, half ? cast(node, loss, element) : loss);
}

}  // namespace drawbar::onnx

#include "import/onnx/node.h"
#include "ops/batch_norm/op.h"

namespace drawbar::onnx {
namespace {

/// Opset 14 says training_mode; before, further outputs, and before 7 is_test 0, mean training.
bool trains(const OnnxNode& node) {
  if (node.opset() >= 14) return node.integer("training_mode", 0) != 0;
  bool more = false;
  for (size_t i = 1; i < node.outputs(); ++i) more |= node.output_used(i);
  return more || (node.opset() < 7 && node.integer("is_test", 0) == 0);
}

}  // namespace

ONNX_OP(BatchNormalization) {
  const bool training = trains(node);
  if (training && node.opset() < 14) {
    fail(ErrorCode::unsupported,
         "training before opset 14 (is_test 0 or outputs beyond the first)");
  }
  if (node.opset() < 9 && node.integer("spatial", 1) == 0) {
    fail(ErrorCode::unsupported, "spatial is 0: statistics for every activation");
  }
  ops::BatchNorm op{.epsilon = static_cast<float>(node.number("epsilon", 1e-5))};
  if (training) {
    op.training = true;
    op.momentum = static_cast<float>(node.number("momentum", 0.9));
    return node.replace_with(op, node.all_inputs());
  }
  node.set_output(0, node.add(op, node.all_inputs()));
}

}  // namespace drawbar::onnx

#include "import/onnx/node.h"
#include "ops/expand/op.h"
#include "ops/identity/op.h"
#include "ops/shape/op.h"

namespace drawbar::onnx {

ONNX_OP(Identity) { node.replace_with(ops::Identity{}, {node.input(0)}); }

/// Inference only, where nothing is dropped and the mask keeps everything. Before opset 12 an
/// exported model may say otherwise through is_test, which every runtime ignores.
ONNX_OP(Dropout) {
  if (node.has_input(2)) {
    const Tensor *training = node.constant(2), *ratio = node.constant(1);
    const bool drops =
        !node.has_input(1) || !ratio || ratio->size() != 1 || read_number(*ratio, 0) != 0;
    if (!training) fail(ErrorCode::unsupported, "training_mode is only known while running");
    if (training->size() != 1)
      fail(ErrorCode::invalid_model, "training_mode has {} elements", training->size());
    if (read_integer(*training, 0) != 0 && drops)
      fail(ErrorCode::unsupported, "training_mode is set; only inference is supported");
  }
  const ValueId x = node.input(0);
  node.set_output(0, node.add(ops::Identity{}, {x}));
  if (!node.output_used(1)) return;
  Tensor kept = Tensor::allocate(
      node.opset() < 10 ? node.value(x).type.tensor.element : ElementType::boolean, {});
  write_number(kept, 0, 1);
  const ValueId shape = node.add(ops::ShapeOf{}, {x});
  node.set_output(1, node.add(ops::Expand{}, {node.constant_value(std::move(kept)), shape}));
}

}  // namespace drawbar::onnx

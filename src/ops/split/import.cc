#include "import/onnx/node.h"
#include "ops/split/op.h"

namespace drawbar::onnx {

/// The sizes are an attribute before opset 13 (and may be an input in opset 1).
ONNX_OP(Split) {
  ops::Split split{.axis = node.integer("axis", 0)};
  if (node.has("num_outputs") &&
      node.integer("num_outputs", 0) != static_cast<int64_t>(node.outputs())) {
    fail(ErrorCode::invalid_model, "num_outputs is {}, but the node has {} outputs",
         node.integer("num_outputs", 0), node.outputs());
  }
  std::vector<ValueId> inputs{node.input(0)};
  if (node.has("split")) {
    split.sizes = node.integers("split");
  } else if (const Tensor* sizes = node.constant(1)) {
    split.sizes = read_integers(*sizes);
  } else if (node.has_input(1)) {
    inputs.push_back(node.input(1));
  }
  node.replace_with(split, std::move(inputs));
}

}  // namespace drawbar::onnx

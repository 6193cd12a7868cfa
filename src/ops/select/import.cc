#include "import/onnx/node.h"
#include "ops/select/op.h"

namespace drawbar::onnx {

ONNX_OP(NonZero) { node.replace_with(ops::NonZero{}, {node.input(0)}); }

ONNX_OP(Compress) {
  node.replace_with(ops::Compress{node.integer("axis", 0), !node.has("axis")},
                    {node.input(0), node.input(1)});
}

ONNX_OP(Unique) {
  node.replace_with(
      ops::Unique{node.integer("axis", 0), !node.has("axis"), node.integer("sorted", 1) != 0},
      {node.input(0)});
}

/// k is an attribute before opset 10. Results are sorted even where the file does not ask for it.
ONNX_OP(TopK) {
  const ValueId k =
      node.opset() >= 10 ? node.input(1) : node.constant_list({node.required_integer("k")});
  node.replace_with(ops::TopK{node.integer("axis", -1), node.integer("largest", 1) != 0},
                    {node.input(0), k});
}

ONNX_OP(OneHot) {
  node.replace_with(ops::OneHot{node.integer("axis", -1)},
                    {node.input(0), node.input(1), node.input(2)});
}

}  // namespace drawbar::onnx

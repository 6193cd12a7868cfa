#include "import/onnx/node.h"
#include "ops/lrn/op.h"

namespace drawbar::onnx {

ONNX_OP(LRN) {
  node.replace_with(ops::Lrn{.size = node.required_integer("size"),
                             .alpha = static_cast<float>(node.number("alpha", 1e-4)),
                             .beta = static_cast<float>(node.number("beta", 0.75)),
                             .bias = static_cast<float>(node.number("bias", 1))},
                    {node.input(0)});
}

}  // namespace drawbar::onnx

#include "import/onnx/node.h"
#include "ops/pointwise/op.h"

namespace drawbar::onnx {

/// a · sigmoid(alpha · a) · b for a and b of one shape: unlike Mul it does not broadcast.
ONNX_OP(SwiGLU) {
  const std::vector<ValueId> inputs = node.inputs_padded(2);
  const Type &a = node.value(inputs[0]).type, &b = node.value(inputs[1]).type;
  if (a.is_tensor() && b.is_tensor() && a.tensor.ranked && b.tensor.ranked) {
    bool same = a.tensor.rank() == b.tensor.rank();
    for (size_t i = 0; same && i < a.tensor.dims.size(); ++i) {
      const Dim &left = a.tensor.dims[i], &right = b.tensor.dims[i];
      same = left == right || !left.is_constant() || !right.is_constant();
    }
    if (!same) {
      fail(ErrorCode::invalid_model, "B is {}, expected A's shape, {}", to_string(b), to_string(a));
    }
  }
  const auto alpha = static_cast<float>(node.number("alpha", 1));
  const ValueId gate = node.add(ops::Elementwise(ops::Function::Swish, alpha), {inputs[0]});
  node.replace_with(ops::Elementwise(ops::Function::Mul), {gate, inputs[1]});
}

}  // namespace drawbar::onnx

#include "import/onnx/node.h"
#include "ops/concat/op.h"
#include "ops/conv/op.h"
#include "ops/pad/op.h"
#include "ops/pointwise/op.h"
#include "ops/slice/op.h"

namespace drawbar::onnx {

/// x [B, C, L], w [C, 1, k], b [C] (optional), state [B, C, k - 1] (optional: zeros) → the
/// depthwise convolution of state and x in a row, and the row's last k - 1 elements.
ONNX_OP(CausalConvWithState) {
  const ValueId x = node.input(0);
  const Type& w = node.value(node.input(1)).type;
  if (!w.is_static() || w.tensor.rank() != 3) {
    fail(ErrorCode::invalid_model, "weight is {}, expected 3 known dimensions", to_string(w));
  }
  const std::vector<ValueId> inputs = node.inputs_padded(4);
  const int64_t channels = w.tensor.dims[0].value(), before = w.tensor.dims[2].value() - 1;
  const auto list = [&](std::vector<int64_t> values) { return node.constant_list(values); };
  const ValueId row = inputs[3] == no_id ? node.add(ops::Pad{}, {x, list({0, 0, before, 0, 0, 0})})
                                         : node.add(ops::Concat{2}, {inputs[3], x});
  ValueId y = node.add(ops::Conv{.group = channels}, {row, inputs[1], inputs[2]});
  const std::string activation = node.text("activation", "none");
  if (activation == "silu" || activation == "swish") {
    y = node.add(ops::Elementwise(ops::Function::Swish), {y});
  } else if (activation != "none") {
    fail(ErrorCode::invalid_model, "activation is '{}', expected none, silu or swish", activation);
  }
  node.set_output(0, y);
  if (!node.output_used(1)) return;
  // From -before on: of a row of L + before elements that is L, also where before is 0.
  const int64_t end = std::numeric_limits<int64_t>::max();
  const ValueId tail = before == 0
                           ? node.add(ops::Slice{}, {row, list({end}), list({end}), list({2})})
                           : node.add(ops::Slice{}, {row, list({-before}), list({end}), list({2})});
  node.set_output(1, tail);
}

}  // namespace drawbar::onnx

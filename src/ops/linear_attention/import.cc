#include <algorithm>

#include "import/onnx/node.h"
#include "ops/linear_attention/op.h"

namespace drawbar::onnx {

ONNX_OP(LinearAttention) {
  const std::string rule = node.text("update_rule", "gated_delta");
  const auto& names = EnumNames<ops::StateUpdate>::names;
  const auto* found = std::find(std::begin(names), std::end(names), rule);
  if (found == std::end(names)) {
    fail(ErrorCode::invalid_model,
         "update_rule is '{}', expected linear, gated, delta or gated_delta", rule);
  }
  node.replace_with(
      ops::LinearAttention{.heads = node.required_integer("q_num_heads"),
                           .groups = node.required_integer("kv_num_heads"),
                           .update = static_cast<ops::StateUpdate>(found - std::begin(names)),
                           .scale = static_cast<float>(node.number("scale", 0))},
      node.all_inputs());
}

}  // namespace drawbar::onnx

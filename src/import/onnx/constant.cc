#include "import/onnx/node.h"

namespace drawbar::onnx {
namespace {

template <class T>
Tensor list_of(const std::vector<T>& values) {
  return Tensor::from<T>({static_cast<int64_t>(values.size())}, std::span(values));
}

Tensor constant_of(const OnnxNode& node) {
  for (const char* stored : {"value", "sparse_value"}) {
    if (node.has(stored)) return node.tensor(stored);
  }
  if (node.has("value_float"))
    return Tensor::scalar(static_cast<float>(node.number("value_float", 0)));
  if (node.has("value_floats")) return list_of(node.numbers("value_floats"));
  if (node.has("value_int")) return Tensor::scalar<int64_t>(node.integer("value_int", 0));
  if (node.has("value_ints")) return list_of(node.integers("value_ints"));
  if (node.has("value_string")) return Tensor::scalar<std::string>(node.text("value_string", ""));
  if (node.has("value_strings")) return list_of(node.texts("value_strings"));
  fail(ErrorCode::invalid_model, "has no value");
}

}  // namespace

ONNX_OP(Constant) { node.set_output(0, node.constant_value(constant_of(node))); }

}  // namespace drawbar::onnx

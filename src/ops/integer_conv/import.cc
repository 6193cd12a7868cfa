#include "ops/window/import.h"

#include "ops/integer_conv/op.h"
#include "ops/quantize/import.h"

namespace drawbar::onnx {
namespace {

template <class Op>
Op import_integer_conv(const OnnxNode& node, size_t x, size_t w) {
  Op op{.group = node.integer("group", 1)};
  assign_window(op, import_window(node, import_kernel(node, node.value(node.input(w)).type),
                                  node.value(node.input(x)).type));
  return op;
}

}  // namespace

ONNX_OP(ConvInteger) {
  node.replace_with(import_integer_conv<ops::ConvInteger>(node, 0, 1), node.all_inputs());
}

ONNX_OP(QLinearConv) {
  constexpr std::string_view kNames[] = {"x",       "x_scale",      "x_zero_point", "w",
                                         "w_scale", "w_zero_point", "y_scale",      "y_zero_point"};
  check_linear_inputs(node, kNames);
  node.replace_with(import_integer_conv<ops::QLinearConv>(node, 0, 3), node.all_inputs());
}

}  // namespace drawbar::onnx

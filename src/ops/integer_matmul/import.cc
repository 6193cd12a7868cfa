#include "ops/quantize/import.h"

#include "ops/integer_matmul/op.h"
#include "ops/reshape/op.h"

namespace drawbar::onnx {
namespace {

bool is_vector(const OnnxNode& node, ValueId id) {
  const TensorType& type = node.value(id).type.tensor;
  return type.ranked && type.rank() == 1;
}

/// Vectors become matrices of one row or column, which the result loses again.
void import_integer_matmul(OnnxNode& node, Op op, size_t a, size_t b) {
  std::vector<ValueId> inputs = node.inputs_padded(b + 1);
  const bool row = is_vector(node, inputs[a]), column = is_vector(node, inputs[b]);
  if (row) inputs[a] = node.add(ops::Unsqueeze{{0}}, {inputs[a]});
  if (column) inputs[b] = node.add(ops::Unsqueeze{{1}}, {inputs[b]});
  ValueId y = node.add(std::move(op), std::move(inputs));
  if (row) y = node.add(ops::Squeeze{{-2}}, {y});
  if (column) y = node.add(ops::Squeeze{{-1}}, {y});
  node.set_output(0, y);
}

}  // namespace

ONNX_OP(MatMulInteger) { import_integer_matmul(node, ops::MatMulInteger{}, 0, 1); }
ONNX_OP(QLinearMatMul) {
  constexpr std::string_view kNames[] = {"a",       "a_scale",      "a_zero_point", "b",
                                         "b_scale", "b_zero_point", "y_scale",      "y_zero_point"};
  check_linear_inputs(node, kNames);
  if (node.inputs() > std::size(kNames))
    fail(ErrorCode::invalid_model, "has {} inputs, expected {}", node.inputs(), std::size(kNames));
  import_integer_matmul(node, ops::QLinearMatMul{}, 0, 3);
}

}  // namespace drawbar::onnx

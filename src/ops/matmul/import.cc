#include "ops/pointwise/import.h"

#include "import/onnx/node.h"
#include "ops/matmul/op.h"
#include "ops/reshape/op.h"

namespace drawbar::onnx {
namespace {

bool is_vector(const OnnxNode& node, ValueId id) {
  const TensorType& type = node.value(id).type.tensor;
  return type.ranked && type.rank() == 1;
}

/// Vectors become matrices of one row or column, which the result loses again.
void import_matmul(OnnxNode& node, ops::MatMul matmul) {
  ValueId a = node.input(0), b = node.input(1);
  const bool row = is_vector(node, a), column = is_vector(node, b);
  if (row) a = node.add(ops::Unsqueeze{{0}}, {a});
  if (column) b = node.add(ops::Unsqueeze{{1}}, {b});
  if (row) matmul.transpose_a = false;
  if (column) matmul.transpose_b = false;
  ValueId y = node.add(std::move(matmul), {a, b});
  if (row && column) {
    y = node.add(ops::Squeeze{{-2, -1}}, {y});
  } else if (row || column) {
    y = node.add(ops::Squeeze{{row ? -2 : -1}}, {y});
  }
  node.set_output(0, y);
}

ValueId import_gemm(OnnxNode& node) {
  const auto beta = static_cast<float>(node.number("beta", 1));
  std::vector<ValueId> inputs = {node.input(0), node.input(1)};
  for (ValueId id : inputs) {
    const TensorType& type = node.value(id).type.tensor;
    if (type.ranked && type.rank() != 2) {
      fail(ErrorCode::invalid_model, "{} has rank {}, expected 2", id == inputs[0] ? "A" : "B",
           type.rank());
    }
  }
  if (node.has_input(2) && beta != 0) {
    ValueId bias = node.input(2);
    if (beta != 1) {
      Tensor factor = Tensor::allocate(node.value(bias).type.tensor.element, {});
      write_number(factor, 0, beta);
      bias = node.add(ops::Elementwise(ops::Function::Mul),
                      {bias, node.constant_value(std::move(factor))});
    }
    inputs.push_back(bias);
  }
  return node.add(ops::MatMul{.transpose_a = node.integer("transA", 0) != 0,
                              .transpose_b = node.integer("transB", 0) != 0,
                              .alpha = static_cast<float>(node.number("alpha", 1))},
                  std::move(inputs));
}

}  // namespace

ONNX_OP(MatMul) { import_matmul(node, {}); }
ONNX_OP(Gemm) { node.set_output(0, import_gemm(node)); }
ONNX_MICROSOFT_OP(FusedGemm) { node.set_output(0, activated(node, import_gemm(node))); }

ONNX_MICROSOFT_OP(FusedMatMul) {
  if (node.integer("transBatchA", 0) || node.integer("transBatchB", 0)) {
    fail(ErrorCode::unsupported, "transposed batch dimensions are not supported");
  }
  import_matmul(node, {.transpose_a = node.integer("transA", 0) != 0,
                       .transpose_b = node.integer("transB", 0) != 0,
                       .alpha = static_cast<float>(node.number("alpha", 1))});
}

}  // namespace drawbar::onnx

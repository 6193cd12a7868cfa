// com.microsoft's operators on quantised tensors. Their kernels compute in f32 between tensors of
// bytes (or look up what that gives), so they are what they say: dequantise, compute, quantise.
#include "ops/window/import.h"

#include "ops/cast/op.h"
#include "ops/concat/op.h"
#include "ops/integer_matmul/op.h"
#include "ops/pointwise/op.h"
#include "ops/pool/op.h"
#include "ops/quantize/import.h"
#include "ops/quantize/op.h"
#include "ops/reshape/op.h"
#include "ops/softmax/op.h"
#include "ops/transpose/op.h"

namespace drawbar::onnx {
namespace {

using ops::Elementwise;
using ops::Function;

ElementType element_of(const OnnxNode& node, size_t input) {
  const Type& type = node.value(node.input(input)).type;
  if (!type.is_tensor()) fail(ErrorCode::invalid_model, "input {} is no tensor", input);
  return type.tensor.element;
}

int64_t rank_of(const OnnxNode& node, size_t input) {
  const TensorType& type = node.value(node.input(input)).type.tensor;
  if (!type.ranked) fail(ErrorCode::unsupported, "input {} has no known rank", input);
  return type.rank();
}

ValueId apply(OnnxNode& node, Function function, ValueId a, ValueId b) {
  return node.add(Elementwise(function), {a, b});
}

/// Input x as f32, whose scale and zero point (which may be absent) are the inputs behind it.
ValueId dequantized(OnnxNode& node, size_t x) {
  element_of(node, x);
  check_scale(node, x + 1, "a scale", ScaleUse::multiplying);
  return node.add(ops::DequantizeLinear{}, {node.input(x), node.input(x + 1), node.input(x + 2)});
}

/// Answers with y in bytes of the type that input x has; scale and zero point are inputs.
void answer(OnnxNode& node, ValueId y, size_t x, size_t scale) {
  const ElementType to = element_of(node, x);
  check_scale(node, scale, "y_scale", ScaleUse::dividing);
  node.set_output(
      0, node.add(ops::QuantizeLinear{.to = to}, {y, node.input(scale), node.input(scale + 1)}));
}

void import_binary(OnnxNode& node, Function function) {
  const ValueId a = dequantized(node, 0), b = dequantized(node, 3);
  answer(node, apply(node, function, a, b), 0, 6);
}

void import_unary(OnnxNode& node, Op op) {
  answer(node, node.add(std::move(op), {dequantized(node, 0)}), 0, 3);
}

/// Pooling of channels that may lie last: `pool(x's type)` is the operator.
template <class Pool>
void import_pool(OnnxNode& node, const Pool& pool) {
  ValueId x = dequantized(node, 0);
  const int64_t rank = rank_of(node, 0);
  if (rank < 3) fail(ErrorCode::invalid_model, "x has rank {}, expected at least 3", rank);
  const bool last = node.integer("channels_last", 0) != 0;
  std::vector<int64_t> to_front = {0, rank - 1}, to_back = {0};
  for (int64_t i = 1; i < rank - 1; ++i) to_front.push_back(i);
  for (int64_t i = 2; i < rank; ++i) to_back.push_back(i);
  to_back.push_back(1);
  if (last) x = node.add(ops::Transpose{to_front}, {x});
  ValueId y = node.add(pool(node.value(x).type), {x});
  if (last) y = node.add(ops::Transpose{to_back}, {y});
  answer(node, y, 0, 3);
}

Op average_pool(const OnnxNode& node, const Type& x) {
  ops::Pool pool{.kind = ops::PoolKind::average};
  pool.kernel = node.integers("kernel_shape");
  if (pool.kernel.empty()) fail(ErrorCode::invalid_model, "kernel_shape is missing");
  const ops::Window window = import_window(node, pool.kernel, x);
  assign_window(pool, window);
  pool.ceil_mode = window.ceil_mode;
  pool.count_include_pad = node.integer("count_include_pad", 0) != 0;
  return pool;
}

/// The sums of a product of integers as f32, times both scales (and plus a bias).
ValueId scaled(OnnxNode& node, ValueId sums, ValueId a_scale, ValueId b_scale, ValueId bias) {
  const ElementType element = node.value(b_scale).type.tensor.element;
  const ValueId scale = apply(node, Function::Mul, a_scale, b_scale);
  ValueId y = apply(node, Function::Mul, node.add(ops::Cast{element}, {sums}), scale);
  if (bias != no_id) y = apply(node, Function::Add, y, bias);
  return y;
}

/// What exchanges the last two dimensions where the attribute says so.
ValueId transposed(OnnxNode& node, size_t input, std::string_view attribute) {
  const int64_t rank = rank_of(node, input);
  if (rank != 2) fail(ErrorCode::invalid_model, "input {} has rank {}, expected 2", input, rank);
  if (node.integer(attribute, 0) == 0) return node.input(input);
  return node.add(ops::Transpose{{1, 0}}, {node.input(input)});
}

}  // namespace

ONNX_MICROSOFT_OP(QLinearAdd) { import_binary(node, Function::Add); }
ONNX_MICROSOFT_OP(QLinearMul) { import_binary(node, Function::Mul); }
ONNX_MICROSOFT_OP(QLinearSigmoid) { import_unary(node, Elementwise(Function::Sigmoid)); }
ONNX_MICROSOFT_OP(QLinearLeakyRelu) {
  const auto alpha = static_cast<float>(node.number("alpha", 0.01));
  import_unary(node, Elementwise(Function::LeakyRelu, alpha));
}

/// `opset` says which Softmax it was: before 13 everything behind the axis is one line.
ONNX_MICROSOFT_OP(QLinearSoftmax) {
  const int64_t rank = rank_of(node, 0), opset = node.required_integer("opset");
  const int64_t axis = Infer::axis(node.integer("axis", opset < 13 ? 1 : -1), rank);
  if (opset >= 13 || axis == rank - 1) return import_unary(node, ops::Softmax{axis});
  const ValueId x = dequantized(node, 0);
  const ValueId lines = node.add(ops::Softmax{}, {node.add(ops::Flatten{axis}, {x})});
  answer(node, node.add(ops::ReshapeLike{}, {lines, x}), 0, 3);
}

ONNX_MICROSOFT_OP(QLinearAveragePool) {
  import_pool(node, [&](const Type& x) { return average_pool(node, x); });
}
ONNX_MICROSOFT_OP(QLinearGlobalAveragePool) {
  import_pool(node, [](const Type&) { return Op(ops::GlobalPool{ops::PoolKind::average}); });
}

ONNX_MICROSOFT_OP(QLinearConcat) {
  constexpr size_t first = 2;  // behind y's scale and zero point
  const size_t count = node.inputs();
  if (count < first + 3 || (count - first) % 3 != 0) {
    fail(ErrorCode::invalid_model, "has {} inputs, expected 2 and three for each part", count);
  }
  std::vector<ValueId> parts;
  for (size_t x = first; x < count; x += 3) parts.push_back(dequantized(node, x));
  const ValueId y = node.add(ops::Concat{node.required_integer("axis")}, std::move(parts));
  answer(node, y, first, 0);
}

ONNX_MICROSOFT_OP(QLinearWhere) {
  const ValueId x = dequantized(node, 1), y = dequantized(node, 4);
  answer(node, node.add(Elementwise(Function::Where), {node.input(0), x, y}), 1, 7);
}

ONNX_MICROSOFT_OP(MatMulIntegerToFloat) {
  enum : size_t { a, b, a_scale, b_scale, a_zero, b_zero, bias };
  const std::vector<ValueId> inputs = node.inputs_padded(7);
  element_of(node, b_scale);
  const ValueId sums =
      node.add(ops::MatMulInteger{}, {inputs[a], inputs[b], inputs[a_zero], inputs[b_zero]});
  node.set_output(0, scaled(node, sums, inputs[a_scale], inputs[b_scale], inputs[bias]));
}

ONNX_MICROSOFT_OP(DynamicQuantizeMatMul) {
  enum : size_t { a, b, b_scale, b_zero, bias };
  const std::vector<ValueId> inputs = node.inputs_padded(5);
  element_of(node, b_scale);
  const std::vector<ValueId> quantized = node.add_all(ops::DynamicQuantizeLinear{}, {inputs[a]}, 3);
  const ValueId sums =
      node.add(ops::MatMulInteger{}, {quantized[0], inputs[b], quantized[2], inputs[b_zero]});
  node.set_output(0, scaled(node, sums, quantized[1], inputs[b_scale], inputs[bias]));
}

/// y = alpha · a_scale · b_scale · (A · B + C), quantised where there is a scale for it.
ONNX_MICROSOFT_OP(QGemm) {
  enum : size_t { a, a_scale, a_zero, b, b_scale, b_zero, c, y_scale, y_zero };
  const std::vector<ValueId> inputs = node.inputs_padded(9);
  ValueId sums =
      node.add(ops::MatMulInteger{}, {transposed(node, a, "transA"), transposed(node, b, "transB"),
                                      inputs[a_zero], inputs[b_zero]});
  if (inputs[c] != no_id) sums = apply(node, Function::Add, sums, inputs[c]);
  ValueId scale = inputs[a_scale];
  element_of(node, a_scale);
  if (const double alpha = node.number("alpha", 1); alpha != 1) {
    const ValueId factor = node.constant_value(Tensor::scalar(static_cast<float>(alpha)));
    scale = apply(node, Function::Mul, scale, factor);
  }
  element_of(node, b_scale);
  const ValueId y = scaled(node, sums, scale, inputs[b_scale], no_id);
  if (inputs[y_scale] == no_id) return node.set_output(0, y);
  answer(node, y, a, y_scale);
}

}  // namespace drawbar::onnx

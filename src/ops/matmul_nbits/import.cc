#include "ops/reshape/import.h"

#include "import/onnx/node.h"
#include "ops/matmul_nbits/op.h"
#include "ops/quantize/import.h"

namespace drawbar::onnx {
namespace {

using ops::MatMulNBits;

/// Older files have scales and zero points flat.
ValueId as_matrix(OnnxNode& node, ValueId x, int64_t rows, int64_t columns) {
  const TensorType& type = node.value(x).type.tensor;
  if (!type.ranked || type.rank() == 2) return x;
  return reshaped(node, x, {rows, columns});
}

/// The group each line of weights belongs to: only the plain order has a kernel.
void expect_plain_groups(const OnnxNode& node, const MatMulNBits& op, size_t input) {
  if (!node.has_input(input)) return;
  const Tensor* groups = node.constant(input);
  bool plain = groups && is_integer(groups->type()) && groups->size() >= op.k;
  for (int64_t k = 0; plain && k < op.k; ++k) {
    plain = read_integer(*groups, k) == k / op.block_size;
  }
  if (!plain) fail(ErrorCode::unsupported, "g_idx that does not count the blocks in order");
}

}  // namespace

/// accuracy_level says how much less than f32 would do: f32 is used.
ONNX_MICROSOFT_OP(MatMulNBits) {
  enum : size_t { a, b, scales, zero_points, groups, bias };
  const MatMulNBits op{.k = node.required_integer("K"),
                       .n = node.required_integer("N"),
                       .bits = node.integer("bits", 4),
                       .block_size = node.required_integer("block_size")};
  check(op);
  if (node.integer("weight_prepacked", 0) != 0) {
    fail(ErrorCode::unsupported, "weights in a device's own order");
  }
  expect_plain_groups(node, op, groups);
  check_scale(node, scales, "scales", ScaleUse::multiplying);
  std::vector<ValueId> inputs = {node.input(a), node.input(b),
                                 as_matrix(node, node.input(scales), op.n, op.blocks())};
  if (node.has_input(zero_points) || node.has_input(bias)) {
    ValueId zeros = no_id;
    if (node.has_input(zero_points)) {
      zeros = node.input(zero_points);
      const bool packed = node.value(zeros).type.tensor.element == ElementType::u8;
      zeros = as_matrix(node, zeros, op.n, packed ? op.zero_bytes() : op.blocks());
    }
    inputs.push_back(zeros);
  }
  if (node.has_input(bias)) inputs.push_back(node.input(bias));
  node.replace_with(op, std::move(inputs));
}

}  // namespace drawbar::onnx

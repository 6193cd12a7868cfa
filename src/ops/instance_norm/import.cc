#include "import/onnx/node.h"
#include "ops/instance_norm/op.h"
#include "ops/pointwise/op.h"
#include "ops/reduce/op.h"

namespace drawbar::onnx {
namespace {

using ops::Elementwise;
using ops::Function;
using ops::Reduce;
using ops::Reduction;

/// A number of the element type of `like`.
ValueId number(OnnxNode& node, ValueId like, double value) {
  Tensor scalar = Tensor::allocate(node.value(like).type.tensor.element, {});
  write_number(scalar, 0, value);
  return node.constant_value(std::move(scalar));
}

}  // namespace

ONNX_OP(InstanceNormalization) {
  node.replace_with(ops::GroupNorm{.epsilon = static_cast<float>(node.number("epsilon", 1e-5))},
                    node.all_inputs());
}

ONNX_OP(GroupNormalization) {
  const int64_t groups = node.required_integer("num_groups");
  if (groups < 1) fail(ErrorCode::invalid_model, "num_groups is {}, expected at least 1", groups);
  node.replace_with(
      ops::GroupNorm{.groups = groups, .epsilon = static_cast<float>(node.number("epsilon", 1e-5))},
      node.all_inputs());
}

ONNX_OP(MeanVarianceNormalization) {
  const ValueId x = node.input(0);
  const std::vector<int64_t> axes = node.integers("axes", {0, 2, 3});
  const Reduce mean{.kind = Reduction::mean, .axes = axes};
  const ValueId centred = node.add(Elementwise(Function::Sub), {x, node.add(mean, {x})});
  const ValueId squares = node.add(Elementwise(Function::Mul), {centred, centred});
  const ValueId deviation = node.add(Elementwise(Function::Sqrt), {node.add(mean, {squares})});
  node.replace_with(
      Elementwise(Function::Div),
      {centred, node.add(Elementwise(Function::Add), {deviation, number(node, x, 1e-9)})});
}

/// Lines of zeros stay zeros.
ONNX_OP(LpNormalization) {
  const ValueId x = node.input(0);
  const int64_t p = node.integer("p", 2);
  if (p != 1 && p != 2) fail(ErrorCode::invalid_model, "p is {}, expected 1 or 2", p);
  const Reduce reduce{.kind = p == 1 ? Reduction::l1 : Reduction::l2,
                      .axes = {node.integer("axis", -1)}};
  const ValueId norm = node.add(reduce, {x});
  const ValueId zero = node.add(Elementwise(Function::Equal), {norm, number(node, x, 0)});
  const ValueId divisor = node.add(Elementwise(Function::Where), {zero, number(node, x, 1), norm});
  node.replace_with(Elementwise(Function::Div), {x, divisor});
}

}  // namespace drawbar::onnx

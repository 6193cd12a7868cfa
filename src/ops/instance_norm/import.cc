#include "import/onnx/node.h"
#include "ops/cast/op.h"
#include "ops/instance_norm/op.h"
#include "ops/pointwise/op.h"
#include "ops/reduce/op.h"
#include "ops/reshape/op.h"
#include "ops/transpose/op.h"

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

/// com.microsoft's GroupNorm: of images whose channels lie last, mostly, with SiLU behind it where
/// activation is 1.
void import_group_norm(OnnxNode& node, ValueId x) {
  const int64_t groups = node.required_integer("groups");
  const int64_t activation = node.integer("activation", 0);
  if (groups < 1) fail(ErrorCode::invalid_model, "groups is {}, expected at least 1", groups);
  if (activation != 0 && activation != 1) {
    fail(ErrorCode::invalid_model, "activation is {}, expected 0 or 1", activation);
  }
  const ElementType element = node.value(x).type.tensor.element;
  const bool last = node.integer("channels_last", 1) != 0;
  if (last) x = node.add(ops::Transpose{{0, 3, 1, 2}}, {x});
  const ValueId gamma = node.add(ops::Cast{element}, {node.input(1)});
  const ValueId beta = node.add(ops::Cast{element}, {node.input(2)});
  const ops::GroupNorm norm{.groups = groups,
                            .epsilon = static_cast<float>(node.number("epsilon", 1e-5))};
  ValueId y = node.add(norm, {x, gamma, beta});
  if (activation == 1) y = node.add(Elementwise(Function::Swish), {y});
  if (last) y = node.add(ops::Transpose{{0, 2, 3, 1}}, {y});
  node.set_output(0, y);
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

ONNX_MICROSOFT_OP(GroupNorm) { import_group_norm(node, node.input(0)); }

/// GroupNorm of x + skip + bias, which is an output too. skip may be one number for each channel.
ONNX_MICROSOFT_OP(SkipGroupNorm) {
  enum : size_t { x, gamma, beta, skip, bias };
  if (node.integer("channels_last", 1) == 0) fail(ErrorCode::unsupported, "channels_last is 0");
  ValueId added = node.input(skip);
  const TensorType& type = node.value(added).type.tensor;
  if (type.ranked && type.rank() == 2) added = node.add(ops::Unsqueeze{{1, 2}}, {added});
  ValueId sum = node.add(Elementwise(Function::Add), {node.input(x), added});
  if (node.has_input(bias)) sum = node.add(Elementwise(Function::Add), {sum, node.input(bias)});
  node.set_output(1, sum);
  import_group_norm(node, sum);
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

#include "passes/fuse_dynamic_quantized.h"

#include "ops/cast/op.h"
#include "ops/integer_conv/op.h"
#include "ops/integer_matmul/op.h"
#include "passes/channel_affine.h"

namespace drawbar {
namespace {

using ops::Function;

constexpr size_t bias_input = 8;  // of QLinearMatMul and QLinearConv

/// A result of rank `rank` with so many output channels along an axis.
struct Result {
  int64_t rank, axis, channels;
};

std::optional<Result> result_of(const Graph& graph, ValueId value, bool is_product) {
  if (!is_ranked_tensor(graph, value)) return {};
  const Dims& dims = dims_of(graph, value);
  const size_t axis = is_product ? dims.size() - 1 : 1;
  if (!dims[axis].is_constant()) return {};
  return Result{std::ssize(dims), static_cast<int64_t>(axis), dims[axis].value()};
}

/// Whether a value holds one number that operators take as a scale or zero point.
bool is_one_number(const Graph& graph, ValueId value) {
  if (!is_ranked_tensor(graph, value)) return false;
  const Dims& dims = dims_of(graph, value);
  return dims.empty() || (dims.size() == 1 && dims[0] == Dim(1));
}

/// The sums of a product with constant weights, of which x has one zero point.
const Node* sums_of(const Graph& graph, ValueId value) {
  if (!producer_as<ops::MatMulInteger>(graph, value) &&
      !producer_as<ops::ConvInteger>(graph, value))
    return nullptr;
  const Node& node = producer(graph, value);
  const ValueId x_zero = optional_input(node, 2), w_zero = optional_input(node, 3);
  if (!has_one_reader(graph, value) || !graph.value(node.inputs[1]).is_constant() ||
      (x_zero != no_id && !is_one_number(graph, x_zero)) ||
      (w_zero != no_id && !graph.value(w_zero).is_constant()))
    return nullptr;
  return &node;
}

struct Scales {
  ValueId x, w;
};

/// The scale of x and that of w where `scale` is their product, or the one there is.
std::optional<Scales> scales_of(const Graph& graph, ValueId scale, const Result& result,
                                Patch& patch) {
  if (element_of(graph, scale) != ElementType::f32) return {};
  const auto of_weights = [&](ValueId value) -> ValueId {
    if (is_one_number(graph, value)) return value;
    auto numbers = per_channel_f32(graph, value, result.rank, result.axis, result.channels);
    return numbers ? patch.constant(std::move(*numbers)) : no_id;
  };
  if (is_function(graph, scale, Function::Mul)) {
    const Node& node = producer(graph, scale);
    std::optional<Scales> found;
    either_order(node, [&](ValueId x, ValueId w) {
      if (!is_one_number(graph, x)) return false;
      const ValueId weights = of_weights(w);
      if (weights != no_id) found = Scales{x, weights};
      return weights != no_id;
    });
    if (found) return found;
  }
  const ValueId one = patch.constant(Tensor::scalar(1.0f));
  if (is_one_number(graph, scale)) return Scales{scale, one};
  const ValueId weights = of_weights(scale);
  if (weights == no_id) return {};
  return Scales{one, weights};
}

/// A zero point, or where there is none a 0 of the type of `bytes`.
ValueId zero_of(const Graph& graph, ValueId zero, ValueId bytes, Patch& patch) {
  if (zero != no_id) return zero;
  Tensor none = Tensor::allocate(element_of(graph, bytes), {});
  write_integer(none, 0, 0);
  return patch.constant(std::move(none));
}

/// Sums, to which i32 constants [N] may have been added.
struct Sums {
  const Node* node;
  ValueId bias = no_id;
};

std::optional<Sums> biased_sums_of(const Graph& graph, ValueId value) {
  if (const Node* node = sums_of(graph, value)) return Sums{node};
  if (!is_function(graph, value, Function::Add) || !has_one_reader(graph, value)) return {};
  std::optional<Sums> found;
  either_order(producer(graph, value), [&](ValueId sums, ValueId bias) {
    const Node* node = sums_of(graph, sums);
    if (!node || !node->op.as<ops::MatMulInteger>() || !graph.value(bias).is_constant())
      return false;
    const auto result = result_of(graph, sums, true);
    const Constant& steps = *graph.value(bias).constant;
    if (!result || steps.type() != ElementType::i32 || steps.shape() != Shape{result->channels})
      return false;
    found = Sums{node, bias};
    return true;
  });
  return found;
}

/// Mul(Cast(sums), scale).
Patch fuse_scale(const Graph& graph, NodeId id, ValueId cast, ValueId scale) {
  const auto* to = producer_as<ops::Cast>(graph, cast);
  if (!to || to->to != ElementType::f32 || !has_one_reader(graph, cast)) return unchanged();
  const auto sums = biased_sums_of(graph, input_of(graph, cast));
  if (!sums) return unchanged();
  const Node& node = *sums->node;
  const auto* conv = node.op.as<ops::ConvInteger>();
  const auto result = result_of(graph, node.outputs[0], conv == nullptr);
  const ValueId y = graph.node(id).outputs[0];
  if (!result || !is_ranked_tensor(graph, y) ||
      dims_of(graph, y) != dims_of(graph, node.outputs[0]))
    return unchanged();
  Patch patch(graph, id);
  const auto scales = scales_of(graph, scale, *result, patch);
  if (!scales) return unchanged();
  const ValueId x = node.inputs[0], w = node.inputs[1];
  const ValueId x_zero = zero_of(graph, optional_input(node, 2), x, patch);
  const ValueId w_zero = zero_of(graph, optional_input(node, 3), w, patch);
  std::vector<ValueId> inputs = {x, scales->x, x_zero, w, scales->w, w_zero, no_id, no_id};
  if (sums->bias != no_id) inputs.push_back(sums->bias);
  Op op = ops::QLinearMatMul{};
  if (conv != nullptr) {
    op = ops::QLinearConv{conv->strides,  conv->dilations, conv->pads_begin,
                          conv->pads_end, conv->auto_pad,  conv->group};
  }
  patch.replace(y, patch.add(std::move(op), std::move(inputs), node.name));
  return patch;
}

/// Add(QLinear…, bias), the former in f32 and without one.
Patch fuse_bias(const Graph& graph, NodeId id, ValueId product, ValueId bias) {
  const bool is_product = producer_as<ops::QLinearMatMul>(graph, product) != nullptr;
  if (!is_product && !producer_as<ops::QLinearConv>(graph, product)) return unchanged();
  const Node& node = producer(graph, product);
  const ValueId y = graph.node(id).outputs[0];
  if (!has_one_reader(graph, product) || element_of(graph, product) != ElementType::f32 ||
      optional_input(node, bias_input) != no_id || !is_ranked_tensor(graph, y) ||
      dims_of(graph, y) != dims_of(graph, product))
    return unchanged();
  const auto result = result_of(graph, product, is_product);
  if (!result) return unchanged();
  auto numbers = per_channel_f32(graph, bias, result->rank, result->axis, result->channels);
  if (!numbers) return unchanged();
  Patch patch(graph, id);
  std::vector<ValueId> inputs = node.inputs;
  inputs.resize(bias_input, no_id);
  inputs.push_back(patch.constant(std::move(*numbers)));
  patch.replace(y, patch.add(node.op, std::move(inputs), node.name));
  return patch;
}

}  // namespace

Patch fuse_dynamic_quantized(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* op = node.op.as<ops::Elementwise>();
  if (!op || (op->function != Function::Mul && op->function != Function::Add)) return unchanged();
  const auto fuse = op->function == Function::Mul ? fuse_scale : fuse_bias;
  for (size_t side = 0; side < 2; ++side) {
    if (Patch patch = fuse(graph, id, node.inputs[side], node.inputs[1 - side])) return patch;
  }
  return unchanged();
}

}  // namespace drawbar

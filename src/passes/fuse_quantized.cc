#include "passes/fuse_quantized.h"

#include <algorithm>
#include <limits>

#include "ops/concat/op.h"
#include "ops/conv/op.h"
#include "ops/integer_add/op.h"
#include "ops/integer_conv/op.h"
#include "ops/integer_matmul/op.h"
#include "ops/integer_pool/op.h"
#include "ops/interleave/op.h"
#include "ops/matmul/op.h"
#include "ops/quantize/op.h"
#include "ops/reshape/op.h"
#include "ops/transpose/op.h"
#include "passes/byte_layers.h"
#include "passes/quantization.h"

namespace drawbar {
namespace {

using ops::Function;

/// The step that a number is rounded to, before saturation.
double step_of(const Quantization& y, double number) {
  return std::nearbyint(number / static_cast<double>(y.scale_of(0))) +
         static_cast<double>(zero_of(y));
}

/// What the value is before an activation that quantisation does anyway.
ValueId before_activation(const Graph& graph, ValueId value, const Quantization& y) {
  const auto* op = producer_as<ops::Elementwise>(graph, value);
  if (op == nullptr || !has_one_reader(graph, value) || y.scales->size() != 1) return value;
  const auto [low, high] = ops::integer_range(y.type);
  const bool relu = op->function == Function::Relu && zero_of(y) == low;
  const bool clip = op->function == Function::Clip && op->p <= op->q &&
                    step_of(y, op->p) <= static_cast<double>(low) &&
                    step_of(y, op->q) >= static_cast<double>(high);
  return relu || clip ? input_of(graph, value) : value;
}

/// The bias [channels] as integers that count x's scale times w's; nothing where one does not fit.
std::optional<Tensor> integer_bias(const Graph& graph, ValueId value, const Quantization& x,
                                   const Quantization& w, int64_t channels) {
  std::vector<double> numbers;
  if (const Tensor* bias = constant_of(graph, value)) {
    if (bias->type() != ElementType::f32) return {};
    for (int64_t i = 0; i < bias->size(); ++i) numbers.push_back(read_number(*bias, i));
  } else if (const auto* op = producer_as<ops::DequantizeLinear>(graph, value)) {
    const Node& node = producer(graph, value);
    const Tensor *steps = constant_of(graph, node.inputs[0]),
                 *scale = constant_of(graph, node.inputs[1]);
    const ValueId zero = optional_input(node, 2);
    if (!steps || !scale || op->block_size != 0 || steps->type() != ElementType::i32 ||
        scale->type() != ElementType::f32 || (scale->size() != 1 && scale->size() != steps->size()))
      return {};
    if (zero != no_id) {
      const Tensor* zeros = constant_of(graph, zero);
      if (!zeros) return {};
      for (int64_t i = 0; i < zeros->size(); ++i) {
        if (read_integer(*zeros, i) != 0) return {};
      }
    }
    for (int64_t i = 0; i < steps->size(); ++i)
      numbers.push_back(read_number(*steps, i) * read_number(*scale, scale->size() > 1 ? i : 0));
  }
  if (std::ssize(numbers) != channels) return {};
  Tensor result = Tensor::allocate(ElementType::i32, {channels});
  for (int64_t i = 0; i < channels; ++i) {
    const double step = static_cast<double>(x.scale_of(0)) * static_cast<double>(w.scale_of(i));
    const double number = std::nearbyint(numbers[static_cast<size_t>(i)] / step);
    if (!(std::abs(number) < std::numeric_limits<int32_t>::max() / 2)) return {};
    result.data<int32_t>()[i] = static_cast<int32_t>(number);
  }
  return result;
}

/// What a quantised node has become.
struct Fusion {
  Op op;
  std::vector<ValueId> inputs;
  std::string name;
};

/// The layer's inputs as QLinearConv and QLinearMatMul have them, for bytes of y, or for f32 where
/// there is none; nothing where it is no layer of bytes or its bias does not fit.
std::optional<std::vector<ValueId>> linear_inputs(const Graph& graph, const ByteLayer& layer,
                                                  const Quantization* y, Patch& patch) {
  const auto x = dequantized(graph, layer.x, {}),
             w = dequantized(graph, layer.weights, {layer.axis, layer.channels});
  if (!x || !w || !graph.value(input_of(graph, layer.weights)).is_constant()) return {};
  std::optional<Tensor> steps;
  if (layer.bias != no_id) {
    steps = integer_bias(graph, layer.bias, *x, *w, layer.channels);
    if (!steps) return {};
  }
  std::vector<ValueId> inputs = {input_of(graph, layer.x),
                                 x->scale,
                                 zero_point(patch, *x),
                                 input_of(graph, layer.weights),
                                 w->scale,
                                 zero_point(patch, *w),
                                 y ? y->scale : no_id,
                                 y ? zero_point(patch, *y) : no_id};
  if (steps) inputs.push_back(patch.constant(std::move(*steps)));
  return inputs;
}

std::optional<Fusion> fuse_convolution(const Graph& graph, ValueId result, const Quantization* y,
                                       Patch& patch) {
  const auto* conv = producer_as<ops::Conv>(graph, result);
  if (conv == nullptr) return {};
  const Node& node = producer(graph, result);
  const auto layer = byte_layer(graph, node);
  if (!layer) return {};
  auto inputs = linear_inputs(graph, *layer, y, patch);
  if (!inputs) return {};
  return Fusion{ops::QLinearConv{conv->strides, conv->dilations, conv->pads_begin, conv->pads_end,
                                 conv->auto_pad, conv->group},
                std::move(*inputs), node.name};
}

/// A product with constant weights [K, N], or [N, K] where transposed.
std::optional<Fusion> fuse_product(const Graph& graph, ValueId result, const Quantization* y,
                                   Patch& patch) {
  const auto* product = producer_as<ops::MatMul>(graph, result);
  if (product == nullptr) return {};
  const Node& node = producer(graph, result);
  const auto layer = byte_layer(graph, node);
  if (!layer) return {};
  auto inputs = linear_inputs(graph, *layer, y, patch);
  if (!inputs) return {};
  if (product->transpose_b) {
    constexpr size_t matrix_input = 3;
    (*inputs)[matrix_input] =
        patch.constant(transposed_bytes(*constant_of(graph, (*inputs)[matrix_input])));
  }
  return Fusion{ops::QLinearMatMul{}, std::move(*inputs), node.name};
}

bool is_one_number(const Quantization& q) {
  return q.scales->rank() == 0 && (!q.zeros || q.zeros->rank() == 0);
}

std::optional<Fusion> fuse_sum(const Graph& graph, ValueId result, const Quantization& y,
                               Patch& patch) {
  if (!is_function(graph, result, Function::Add)) return {};
  const Node& node = producer(graph, result);
  const auto a = dequantized(graph, node.inputs[0], {}), b = dequantized(graph, node.inputs[1], {});
  if (!a || !b || !is_ranked_tensor(graph, node.inputs[0]) ||
      !is_ranked_tensor(graph, node.inputs[1]) ||
      dims_of(graph, node.inputs[0]) != dims_of(graph, node.inputs[1]))
    return {};
  if (!is_one_number(*a) || !is_one_number(*b) || !is_one_number(y)) return {};
  return Fusion{ops::QLinearAdd{},
                {input_of(graph, node.inputs[0]), a->scale, zero_point(patch, *a),
                 input_of(graph, node.inputs[1]), b->scale, zero_point(patch, *b), y.scale,
                 zero_point(patch, y)},
                node.name};
}

/// An average of images of bytes, which gives f32 until what quantises it joins it.
Patch fuse_average(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto* pool = node.op.as<ops::Pool>();
  const auto* global = node.op.as<ops::GlobalPool>();
  if (!(pool && pool->kind == ops::PoolKind::average) &&
      !(global && global->kind == ops::PoolKind::average))
    return unchanged();
  const auto x = dequantized(graph, node.inputs[0], {});
  if (!x || !is_one_number(*x) || !is_ranked_tensor(graph, node.inputs[0]) ||
      dims_of(graph, node.inputs[0]).size() != 4)
    return unchanged();
  Patch patch(graph, id);
  const ops::QLinearAveragePool average =
      pool ? ops::QLinearAveragePool{*pool} : ops::QLinearAveragePool{};
  patch.replace(
      node.outputs[0],
      patch.add(average, {input_of(graph, node.inputs[0]), x->scale, zero_point(patch, *x)},
                node.name));
  return patch;
}

/// The average whose result in f32 the value is.
const Node* average_of(const Graph& graph, ValueId value) {
  if (!producer_as<ops::QLinearAveragePool>(graph, value) || !has_one_reader(graph, value))
    return nullptr;
  const Node& node = producer(graph, value);
  return node.inputs.size() == 3 ? &node : nullptr;
}

std::optional<Fusion> fuse_quantized_average(const Graph& graph, ValueId result,
                                             const Quantization& y, Patch& patch) {
  const Node* node = average_of(graph, result);
  if (node == nullptr || !is_one_number(y)) return {};
  std::vector<ValueId> inputs = node->inputs;
  inputs.push_back(y.scale);
  inputs.push_back(zero_point(patch, y));
  return Fusion{node->op, std::move(inputs), node->name};
}

/// What only moves an average in f32, and moves it alone.
bool moves_average(const Graph& graph, ValueId value) {
  while (graph.value(value).producer != no_id && has_one_reader(graph, value)) {
    const Node& node = producer(graph, value);
    if (!ops::is_view(node.op) && !node.op.as<ops::Transpose>()) return false;
    value = node.inputs[0];
    if (average_of(graph, value)) return true;
  }
  return false;
}

/// The quantisation of a moved average goes up to it.
std::optional<Fusion> lift_to_average(const Graph& graph, const Node& quantize, ValueId value,
                                      const Quantization& y, Patch& patch) {
  if (!is_one_number(y) || !moves_average(graph, value)) return {};
  const Node& node = producer(graph, value);
  std::vector<ValueId> operands = quantize.inputs, inputs = node.inputs;
  operands[0] = node.inputs[0];
  inputs[0] = patch.add(quantize.op, std::move(operands));
  return Fusion{node.op, std::move(inputs), node.name};
}

/// Bytes that are dequantised and quantised again as they were.
std::optional<ValueId> same_bytes(const Graph& graph, ValueId value, const Quantization& y) {
  const auto x = dequantized(graph, value, {});
  if (!x || !is_same(*x, y)) return {};
  return input_of(graph, value);
}

/// Where some parts are bytes, the quantisation goes up to the parts.
std::optional<Fusion> lift_above_parts(const Graph& graph, const Node& quantize, ValueId value,
                                       Patch& patch) {
  if (!producer_as<ops::Concat>(graph, value) && !producer_as<ops::Interleave>(graph, value))
    return {};
  const Node& node = producer(graph, value);
  const auto& parts = node.inputs;
  if (std::none_of(parts.begin(), parts.end(),
                   [&](ValueId part) { return dequantized(graph, part, {}).has_value(); }))
    return {};
  std::vector<ValueId> bytes;
  for (ValueId part : parts) {
    std::vector<ValueId> inputs = quantize.inputs;
    inputs[0] = part;
    bytes.push_back(patch.add(quantize.op, std::move(inputs)));
  }
  return Fusion{node.op, std::move(bytes), node.name};
}

/// The quantisation to bytes that the node is, with one scale.
std::optional<Quantization> quantization_by(const Graph& graph, const Node& node) {
  const auto* quantize = node.op.as<ops::QuantizeLinear>();
  if (quantize == nullptr || quantize->precision != ElementType::f32) return {};
  return quantization_of(graph, node, quantize->to, quantize->axis, quantize->block_size, {});
}

/// Whether quantisation is all that becomes of the layer's result, after an activation that it does
/// as well.
bool is_quantized_next(const Graph& graph, ValueId result) {
  for (ValueId value = result; has_one_reader(graph, value);) {
    const Node& reader = graph.node(graph.value(value).uses[0].node);
    if (const auto y = quantization_by(graph, reader))
      return before_activation(graph, reader.inputs[0], *y) == result;
    if (value != result || !reader.op.as<ops::Elementwise>()) return false;
    value = reader.outputs[0];
  }
  return false;
}

/// A layer of bytes whose result is wanted as f32.
Patch fuse_to_f32(const Graph& graph, NodeId id) {
  const ValueId result = graph.node(id).outputs[0];
  if (is_quantized_next(graph, result)) return unchanged();
  Patch patch(graph, id);
  auto fused = fuse_convolution(graph, result, nullptr, patch);
  if (!fused) fused = fuse_product(graph, result, nullptr, patch);
  if (!fused) return unchanged();
  patch.replace(result, patch.add(std::move(fused->op), std::move(fused->inputs), fused->name));
  return patch;
}

}  // namespace

Patch fuse_quantized(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (node.op.as<ops::Conv>() || node.op.as<ops::MatMul>()) return fuse_to_f32(graph, id);
  if (node.op.as<ops::Pool>() || node.op.as<ops::GlobalPool>()) return fuse_average(graph, id);
  const auto y = quantization_by(graph, node);
  if (!y) return unchanged();
  if (const auto bytes = same_bytes(graph, node.inputs[0], *y)) {
    Patch patch(graph, id);
    patch.replace(node.outputs[0], *bytes);
    return patch;
  }
  const ValueId result = before_activation(graph, node.inputs[0], *y);
  if (graph.value(result).producer == no_id || !has_one_reader(graph, result)) return unchanged();
  Patch patch(graph, id);
  auto fused = fuse_convolution(graph, result, &*y, patch);
  if (!fused) fused = fuse_product(graph, result, &*y, patch);
  if (!fused) fused = fuse_sum(graph, result, *y, patch);
  if (!fused) fused = fuse_quantized_average(graph, result, *y, patch);
  if (!fused && result == node.inputs[0]) fused = lift_to_average(graph, node, result, *y, patch);
  if (!fused && result == node.inputs[0]) fused = lift_above_parts(graph, node, result, patch);
  if (!fused) return unchanged();
  const ValueId bytes = patch.add(std::move(fused->op), std::move(fused->inputs), fused->name);
  patch.name(bytes, graph.value(node.inputs[0]).name);
  patch.replace(node.outputs[0], bytes);
  return patch;
}

}  // namespace drawbar

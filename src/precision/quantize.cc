#include "precision/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/error.h"
#include "ops/concat/op.h"
#include "ops/conv/op.h"
#include "ops/pool/op.h"
#include "ops/quantize/op.h"
#include "passes/byte_layers.h"
#include "precision/slices.h"

namespace drawbar {
namespace {

using ops::Function;

bool is_f32(const Graph& graph, ValueId value) {
  return is_ranked_tensor(graph, value) && element_of(graph, value) == ElementType::f32;
}

bool is_constant_f32(const Graph& graph, ValueId value) {
  return graph.value(value).is_constant() && is_f32(graph, value);
}

/// The node as a layer whose weights and bias are constants to be quantised.
std::optional<ByteLayer> constant_layer(const Graph& graph, const Node& node) {
  const auto layer = byte_layer(graph, node);
  if (!layer || !is_constant_f32(graph, layer->weights)) return {};
  if (layer->bias != no_id && !is_constant_f32(graph, layer->bias)) return {};
  return layer;
}

/// The node's result, after an activation that saturation does.
ValueId result_of(const Graph& graph, const Node& node) {
  const ValueId value = node.outputs[0];
  if (!has_one_reader(graph, value)) return value;
  const Node& reader = graph.node(graph.value(value).uses[0].node);
  const auto* op = reader.op.as<ops::Elementwise>();
  if (op && (op->function == Function::Relu || op->function == Function::Clip))
    return reader.outputs[0];
  return value;
}

struct Plan {
  std::set<ValueId> values;             // that become bytes
  std::map<NodeId, int64_t> weighted;   // by channel axis
  std::map<ValueId, ValueId> range_of;  // of a maximum: its input's; of a part: the whole's
};

/// Parts that only a concatenation reads have its range, so that it moves bytes as they are.
void unite_ranges(const Graph& graph, const Node& node, Plan& plan) {
  const ValueId whole = node.outputs[0];
  if (!plan.values.contains(whole)) return;
  for (ValueId part : node.inputs) {
    if (plan.values.contains(part) && has_one_reader(graph, part))
      plan.range_of.emplace(part, whole);
  }
}

bool is_maximum(const Node& node) {
  const auto* pool = node.op.as<ops::Pool>();
  return pool && pool->kind == ops::PoolKind::maximum && node.outputs.size() == 1;
}

/// One that many concatenations read (dense blocks) would be quantised anew for each.
bool is_average(const Graph& graph, const Node& node) {
  const auto* pool = node.op.as<ops::Pool>();
  return pool && pool->kind == ops::PoolKind::average && node.outputs.size() == 1 &&
         has_one_reader(graph, node.outputs[0]);
}

/// What may become bytes, whether or not anything reads them.
Plan possible(const Graph& graph, const std::set<NodeId>& in_f32) {
  Plan plan;
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.outputs.empty() || in_f32.contains(id)) continue;
    const ValueId result = result_of(graph, node);
    if (!is_f32(graph, result)) continue;
    if (const auto layer = constant_layer(graph, node)) {
      if (!is_f32(graph, layer->x) || graph.value(layer->x).is_constant()) continue;
      plan.weighted.emplace(id, layer->axis);
      plan.values.insert(node.inputs[0]);
      plan.values.insert(result);
    } else if (is_function(graph, node.outputs[0], Function::Add)) {
      const bool both =
          plan.values.contains(node.inputs[0]) && plan.values.contains(node.inputs[1]);
      if (both && dims_of(graph, node.inputs[0]) == dims_of(graph, node.inputs[1]))
        plan.values.insert(result);
    } else if (node.op.as<ops::Concat>()) {
      if (std::all_of(node.inputs.begin(), node.inputs.end(),
                      [&](ValueId part) { return plan.values.contains(part); }))
        plan.values.insert(node.outputs[0]);
    } else if ((is_maximum(node) || is_average(graph, node)) &&
               plan.values.contains(node.inputs[0])) {
      plan.values.insert(node.outputs[0]);
    }
  }
  return plan;
}

/// Leaves the values that something reads as bytes. A depthwise convolution gives nothing but
/// bytes.
void prune(const Graph& graph, Plan& plan) {
  std::set<ValueId> read;
  const std::vector<NodeId> order = graph.order();
  for (auto id = order.rbegin(); id != order.rend(); ++id) {
    const Node& node = graph.node(*id);
    if (node.outputs.empty()) continue;
    const bool wanted = read.contains(result_of(graph, node));
    if (plan.weighted.contains(*id)) {
      const auto* conv = node.op.as<ops::Conv>();
      if (wanted || !conv || conv->group == 1) {
        read.insert(node.inputs[0]);
      } else {
        plan.weighted.erase(*id);
      }
    } else if (wanted && (is_function(graph, node.outputs[0], Function::Add) || is_maximum(node) ||
                          is_average(graph, node) || node.op.as<ops::Concat>())) {
      read.insert(node.inputs.begin(), node.inputs.end());
    } else if (const auto* pool = node.op.as<ops::GlobalPool>();
               pool && pool->kind == ops::PoolKind::average) {
      read.insert(node.inputs[0]);  // it gives f32
    }
  }
  std::erase_if(plan.values, [&](ValueId value) { return !read.contains(value); });
}

Plan plan(const Graph& graph, const std::set<NodeId>& in_f32) {
  Plan plan = possible(graph, in_f32);
  prune(graph, plan);
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (is_maximum(node) && plan.values.contains(node.outputs[0]) &&
        plan.values.contains(node.inputs[0]))
      plan.range_of[node.outputs[0]] = node.inputs[0];
    if (node.op.as<ops::Concat>()) unite_ranges(graph, node, plan);
  }
  return plan;
}

bool is_layer(const Graph& graph, NodeId id, const Plan& plan) {
  const Node& node = graph.node(id);
  return plan.weighted.contains(id) ||
         (node.outputs.size() == 1 && is_function(graph, node.outputs[0], Function::Add) &&
          plan.values.contains(result_of(graph, node)));
}

/// The layers of these names.
std::set<NodeId> kept_nodes(const Graph& graph, const std::set<std::string>& names) {
  std::set<NodeId> nodes;
  if (names.empty()) return nodes;
  std::set<std::string> missing = names;
  for (const auto& [id, name] : quantized_layers(graph)) {
    if (names.contains(name)) nodes.insert(id);
    missing.erase(name);
  }
  if (!missing.empty()) {
    fail(ErrorCode::invalid_argument,
         "the calibration keeps '{}' in f32: no layer that could run on bytes gives it",
         *missing.begin());
  }
  return nodes;
}

Tensor scalar(float number) { return Tensor::from<float>({}, {number}); }

/// The smallest scale of a channel's weights with which its bias fits in 32 bits, counted in x's
/// scale times this one. Channels that are nearly all bias need it; a folded batch norm leaves
/// some.
float least_scale(const Tensor* bias, int64_t channel, float x_scale) {
  if (bias == nullptr) return 0;
  const double number = std::abs(read_number(*bias, bias->size() > 1 ? channel : 0));
  return static_cast<float>(number / (static_cast<double>(x_scale) * (1 << 28)));
}

/// Adds to the bias what rounding the weights takes from each channel's mean: the weights lost
/// times the mean of what they are multiplied with. Edges count as the inside. Source: Nagel et
/// al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (2019),
/// section 4.2.
void correct_bias(Graph& graph, NodeId id, int64_t axis, const std::vector<float>& means,
                  const std::vector<float>& lost) {
  const ValueId bias = optional_input(graph.node(id), 2);
  const Shape& shape = graph.value(graph.node(id).inputs[1]).constant->shape();
  const Slices channel(shape, axis);
  const auto inputs = static_cast<int64_t>(means.size());
  int64_t kernel = 1;
  for (size_t i = 2; i < shape.size(); ++i) kernel *= shape[i];
  const bool depthwise = shape.size() > 2 && shape[1] == 1 && inputs != 1;
  const int64_t wanted = depthwise ? channel.count : std::ssize(lost) / channel.count / kernel;
  if (inputs != wanted || (bias != no_id && constant_of(graph, bias)->size() != channel.count))
    return;
  Tensor corrected = bias == no_id ? Tensor::allocate(ElementType::f32, {channel.count})
                                   : constant_of(graph, bias)->clone();
  if (bias == no_id) std::fill_n(corrected.data<float>(), channel.count, 0.0f);
  for (int64_t i = 0; i < std::ssize(lost); ++i) {
    const int64_t input = depthwise   ? channel(i)
                          : axis == 1 ? i / channel.count
                                      : i % channel.inner / kernel;
    corrected.data<float>()[channel(i)] +=
        lost[static_cast<size_t>(i)] * means[static_cast<size_t>(input)];
  }
  graph.set_input(id, 2, graph.add_constant(std::move(corrected)));
}

/// Makes the node read its weights as bytes with a scale for each slice along `axis`.
void quantize_weights(Graph& graph, NodeId id, int64_t axis, float x_scale,
                      const std::vector<float>& means) {
  const ValueId weights = graph.node(id).inputs[1];
  const ValueId bias_id = optional_input(graph.node(id), 2);
  const Tensor* bias = bias_id == no_id ? nullptr : constant_of(graph, bias_id);
  const Tensor& numbers = graph.value(weights).constant->tensor();
  const Slices channel(numbers.shape(), axis);
  const int64_t count = channel.count;
  const auto* from = numbers.data<float>();
  Tensor scales = Tensor::allocate(ElementType::f32, {count}),
         zeros = Tensor::allocate(ElementType::i8, {count}),
         bytes = Tensor::allocate(ElementType::i8, numbers.shape());
  auto* scale = scales.data<float>();
  std::fill_n(scale, count, 0.0f);
  std::fill_n(zeros.data<int8_t>(), count, int8_t{0});
  for (int64_t i = 0; i < numbers.size(); ++i)
    scale[channel(i)] = std::max(scale[channel(i)], std::fabs(from[i]) / 127);
  for (int64_t c = 0; c < count; ++c) {
    scale[c] = std::max(scale[c], least_scale(bias, c, x_scale));
    if (!(scale[c] > std::numeric_limits<float>::min())) scale[c] = 1;
  }
  std::vector<float> lost(static_cast<size_t>(numbers.size()));
  for (int64_t i = 0; i < numbers.size(); ++i) {
    const float step = std::nearbyint(from[i] / scale[channel(i)]);
    const auto byte = static_cast<int8_t>(std::clamp(step, -127.0f, 127.0f));
    bytes.data<int8_t>()[i] = byte;
    lost[static_cast<size_t>(i)] = from[i] - scale[channel(i)] * static_cast<float>(byte);
  }
  correct_bias(graph, id, axis, means, lost);
  const std::string name = graph.value(weights).name;
  const NodeId node =
      graph.add_node(ops::DequantizeLinear{.axis = axis},
                     {graph.add_constant(std::move(bytes), name + " i8"),
                      graph.add_constant(std::move(scales)), graph.add_constant(std::move(zeros))},
                     1, {}, {}, graph.node(id).rank);
  graph.set_input(id, 1, graph.node(node).outputs[0]);
}

float scale_of(Range range) {
  const double low = std::min(range.low, 0.0f), high = std::max(range.high, 0.0f);
  const auto scale = static_cast<float>((high - low) / 255);
  return scale > std::numeric_limits<float>::min() ? scale : 1;
}

void quantize_value(Graph& graph, ValueId value, Range range) {
  const float step = scale_of(range);
  const auto zero =
      static_cast<uint8_t>(std::clamp(std::nearbyint(-range.low / step), 0.0f, 255.0f));
  const std::vector<Use> uses = graph.value(value).uses;
  const NodeId producer = graph.value(value).producer;
  const int64_t rank = producer == no_id ? 0 : graph.node(producer).rank;
  const ValueId scale = graph.add_constant(scalar(step)),
                zero_point = graph.add_constant(Tensor::from<uint8_t>({}, {zero}));
  const NodeId quantize =
      graph.add_node(ops::QuantizeLinear{}, {value, scale, zero_point}, 1, {}, {}, rank);
  const NodeId dequantize =
      graph.add_node(ops::DequantizeLinear{}, {graph.node(quantize).outputs[0], scale, zero_point},
                     1, {}, {}, rank);
  for (const Use& use : uses)
    graph.set_input(use.node, use.input, graph.node(dequantize).outputs[0]);
}

}  // namespace

std::vector<std::pair<NodeId, std::string>> quantized_layers(const Graph& graph) {
  const Plan planned = plan(graph, {});
  std::vector<std::pair<NodeId, std::string>> layers;
  for (NodeId id : graph.order()) {
    if (is_layer(graph, id, planned))
      layers.emplace_back(id, calibration_name(graph, graph.node(id).outputs[0]));
  }
  return layers;
}

std::vector<ValueId> quantized_values(const Graph& graph) {
  const Plan planned = plan(graph, {});
  return {planned.values.begin(), planned.values.end()};
}

Graph quantize(Graph graph, const Calibration& calibration) {
  const Plan planned = plan(graph, kept_nodes(graph, calibration.f32));
  std::map<ValueId, std::string> names;  // before new values join
  for (ValueId value : planned.values) names[value] = calibration_name(graph, value);
  const auto range_of = [&](ValueId value) {
    for (auto of = planned.range_of.find(value); of != planned.range_of.end();
         of = planned.range_of.find(value))
      value = of->second;
    const auto range = calibration.ranges.find(names.at(value));
    if (range == calibration.ranges.end()) {
      fail(ErrorCode::invalid_argument, "the calibration has no range for value '{}'",
           names.at(value));
    }
    return range->second;
  };
  for (const auto& [node, axis] : planned.weighted) {
    const ValueId x = graph.node(node).inputs[0];
    const auto means = calibration.means.find(names.at(x));
    quantize_weights(graph, node, axis, scale_of(range_of(x)),
                     means == calibration.means.end() ? std::vector<float>{} : means->second);
  }
  for (ValueId value : planned.values) quantize_value(graph, value, range_of(value));
  return graph;
}

}  // namespace drawbar

#include "precision/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "ops/conv/op.h"
#include "ops/quantize/op.h"
#include "precision/channel_statistics.h"
#include "precision/migrate.h"
#include "precision/quantize_tables.h"
#include "precision/slices.h"

namespace drawbar {
namespace {

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
  const auto* conv = graph.node(id).op.as<ops::Conv>();
  const InputChannels input(shape, axis, conv ? conv->group : 1);
  if (std::ssize(means) != input.count ||
      (bias != no_id && constant_of(graph, bias)->size() != channel.count))
    return;
  Tensor corrected = bias == no_id ? Tensor::allocate(ElementType::f32, {channel.count})
                                   : constant_of(graph, bias)->clone();
  if (bias == no_id) std::fill_n(corrected.data<float>(), channel.count, 0.0f);
  for (int64_t i = 0; i < std::ssize(lost); ++i) {
    corrected.data<float>()[channel(i)] +=
        lost[static_cast<size_t>(i)] * means[static_cast<size_t>(input(i))];
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

/// What reads the value as bytes; all of it where it comes so.
std::vector<Use> byte_uses(const Graph& graph, const BytePlan& plan, ValueId value) {
  std::vector<Use> uses = graph.value(value).uses;
  if (!is_given_as_bytes(graph, plan, value))
    std::erase_if(uses, [&](const Use& use) { return !reads_bytes(graph, plan, use.node); });
  return uses;
}

/// The value as bytes, dequantised again for these uses; with a scale for each channel where there
/// are factors.
void quantize_value(Graph& graph, ValueId value, Range range, const std::vector<float>& factors,
                    const std::vector<Use>& uses) {
  const float step = scale_of(range);
  const auto zero =
      static_cast<uint8_t>(std::clamp(std::nearbyint(-range.low / step), 0.0f, 255.0f));
  const NodeId producer = graph.value(value).producer;
  const int64_t rank = producer == no_id ? 0 : graph.node(producer).rank;
  const ValueId scale = graph.add_constant(scalar(step)),
                zero_point = graph.add_constant(Tensor::from<uint8_t>({}, {zero}));
  ops::QuantizeLinear op;
  std::vector<ValueId> inputs = {value, scale, zero_point};
  if (!factors.empty()) {
    const auto channels = std::ssize(factors);
    Tensor scales = Tensor::allocate(ElementType::f32, {channels}),
           zeros = Tensor::allocate(ElementType::u8, {channels});
    for (int64_t c = 0; c < channels; ++c)
      scales.data<float>()[c] = step * factors[static_cast<size_t>(c)];
    std::fill_n(zeros.data<uint8_t>(), channels, zero);
    op.axis = channel_axis(std::ssize(dims_of(graph, value)));
    inputs = {value, graph.add_constant(std::move(scales)), graph.add_constant(std::move(zeros))};
  }
  const NodeId quantize = graph.add_node(op, std::move(inputs), 1, {}, {}, rank);
  const NodeId dequantize =
      graph.add_node(ops::DequantizeLinear{}, {graph.node(quantize).outputs[0], scale, zero_point},
                     1, {}, {}, rank);
  for (const Use& use : uses)
    graph.set_input(use.node, use.input, graph.node(dequantize).outputs[0]);
}

}  // namespace

Graph quantize(Graph graph, const Calibration& calibration) {
  const BytePlan plan = plan_bytes(graph, kept_nodes(graph, calibration.f32));
  std::map<ValueId, std::string> names;  // before new values join
  for (ValueId value : plan.values) names[value] = calibration_name(graph, value);
  const auto range_of = [&](ValueId value) {
    for (auto of = plan.range_of.find(value); of != plan.range_of.end();
         of = plan.range_of.find(value))
      value = of->second;
    const auto range = calibration.ranges.find(names.at(value));
    if (range == calibration.ranges.end()) {
      fail(ErrorCode::invalid_argument, "the calibration has no range for value '{}'",
           names.at(value));
    }
    return spread(range->second, Activations::asymmetric);
  };
  const auto of_channels = [&](const auto& table, ValueId value) {
    const auto found = table.find(names.at(value));
    return found == table.end() ? std::vector<float>{} : found->second;
  };
  std::map<ValueId, std::vector<float>> scales;  // of channels that are quantised each with its own
  for (ValueId value : plan.values) {
    auto factors = of_channels(calibration.factors, value);
    if (factors.empty()) continue;
    migrate(graph, plan, value, factors);
    if (factor_place(graph, plan, value) == FactorPlace::quantisation)
      scales[value] = std::move(factors);
  }
  for (const auto& [node, axis] : plan.weighted) {
    const ValueId x = graph.node(node).inputs[0];
    std::vector<float> means = of_channels(calibration.means, x);
    const auto factors = of_channels(calibration.factors, x);
    for (size_t c = 0; c < std::min(means.size(), factors.size()); ++c) means[c] /= factors[c];
    quantize_weights(graph, node, axis, scale_of(range_of(x)), means);
  }
  std::map<ValueId, std::vector<Use>> uses;  // before any changes
  for (ValueId value : plan.values) uses[value] = byte_uses(graph, plan, value);
  for (ValueId value : plan.values)
    quantize_value(graph, value, range_of(value), scales[value], uses[value]);
  if (!plan.weighted.empty()) quantize_tables(graph);
  return graph;
}

}  // namespace drawbar

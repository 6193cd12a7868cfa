#include "passes/channel_affine.h"

#include <algorithm>
#include <cmath>

#include "ops/conv/op.h"
#include "ops/conv_transpose/op.h"
#include "ops/matmul/op.h"

namespace drawbar {
namespace {

/// Which output channel an element of the weights belongs to.
struct WeightChannels {
  int64_t inner = 1;     // neighbours of one channel
  int64_t channels = 1;  // of one group
  int64_t outer = 0;     // elements of a group, 0: one group

  int64_t operator()(int64_t i) const {
    const int64_t group = outer == 0 ? 0 : i / outer;
    return group * channels + i / inner % channels;
  }
};

WeightChannels weight_channels(const Node& node, const Shape& w) {
  if (const auto* product = node.op.as<ops::MatMul>()) {
    return product->transpose_b ? WeightChannels{w[1], w[0]} : WeightChannels{1, w[1]};
  }
  const int64_t count = element_count(w);
  if (node.op.as<ops::Conv>()) return {count / std::max<int64_t>(w[0], 1), w[0]};
  // ConvTranspose: w [C, M/group, k1…kn]
  const int64_t group = node.op.as<ops::ConvTranspose>()->group;
  return {count / (w[0] * w[1]), w[1], count / group};
}

/// Constants can only go in where nothing pointwise stands between.
bool is_plain(const Op& op) {
  if (const auto* conv = op.as<ops::Conv>()) return conv->post.empty();
  if (const auto* conv = op.as<ops::ConvTranspose>()) return conv->post.empty();
  const auto* product = op.as<ops::MatMul>();
  return product && product->post.empty();
}

/// Number per channel of a constant bias; zeros where it is absent.
std::optional<std::vector<double>> bias_numbers(const Graph& graph, const Node& node,
                                                int64_t channels) {
  const ValueId bias = optional_input(node, 2);
  if (bias == no_id) return std::vector<double>(static_cast<size_t>(channels), 0);
  const int64_t rank = std::max<int64_t>(1, graph.value(bias).type.tensor.rank());
  return per_channel(graph, bias, rank, rank - 1, channels);
}

Tensor scaled(const Tensor& w, const WeightChannels& channel, const std::vector<double>& scale) {
  Tensor result = Tensor::allocate(w.type(), w.shape());
  const auto factor = [&](int64_t i) { return scale[static_cast<size_t>(channel(i))]; };
  if (w.type() == ElementType::f32) {
    const float* from = w.data<float>();
    float* to = result.data<float>();
    for (int64_t i = 0; i < w.size(); ++i)
      to[i] = static_cast<float>(static_cast<double>(from[i]) * factor(i));
    return result;
  }
  for (int64_t i = 0; i < w.size(); ++i) write_number(result, i, read_number(w, i) * factor(i));
  return result;
}

}  // namespace

std::optional<std::vector<double>> per_channel(const Graph& graph, ValueId value, int64_t rank,
                                               int64_t axis, int64_t channels) {
  const Value& v = graph.value(value);
  if (!v.is_constant() || !is_floating(v.constant->type())) return std::nullopt;
  const Shape& shape = v.constant->shape();
  const int64_t missing = rank - static_cast<int64_t>(shape.size());
  if (missing < 0) return std::nullopt;
  for (int64_t i = missing; i < rank; ++i) {
    const int64_t dim = shape[static_cast<size_t>(i - missing)];
    if (dim != 1 && (i != axis || dim != channels)) return std::nullopt;
  }
  const Tensor& tensor = v.constant->tensor();
  std::vector<double> numbers;
  for (int64_t c = 0; c < channels; ++c) {
    numbers.push_back(read_number(tensor, tensor.size() == 1 ? 0 : c));
    if (!std::isfinite(numbers.back())) return std::nullopt;
  }
  return numbers;
}

std::optional<Tensor> per_channel_f32(const Graph& graph, ValueId value, int64_t rank, int64_t axis,
                                      int64_t channels) {
  const auto numbers = per_channel(graph, value, rank, axis, channels);
  if (!numbers || graph.value(value).constant->type() != ElementType::f32) return std::nullopt;
  Tensor tensor = Tensor::allocate(ElementType::f32, {channels});
  std::transform(numbers->begin(), numbers->end(), tensor.data<float>(),
                 [](double number) { return static_cast<float>(number); });
  return tensor;
}

bool can_absorb(const Graph& graph, ValueId value) {
  if (graph.value(value).producer == no_id || !has_one_reader(graph, value)) return false;
  const Node& node = producer(graph, value);
  if (!is_ranked_tensor(graph, value) || !is_plain(node.op)) return false;
  const ValueId w = node.inputs[1];
  if (!graph.value(w).is_constant() || !is_floating(element_of(graph, w))) return false;
  if (element_count(graph.value(w).constant->shape()) == 0) return false;
  if (node.op.as<ops::MatMul>() && graph.value(w).type.tensor.rank() != 2) return false;
  if (graph.value(value).type.tensor.rank() < 2) return false;
  const int64_t channels = channel_count(graph, value);
  return channels > 0 && bias_numbers(graph, node, channels).has_value();
}

int64_t channel_axis(const Graph& graph, ValueId value) {
  return producer(graph, value).op.as<ops::MatMul>() ? graph.value(value).type.tensor.rank() - 1
                                                     : 1;
}

int64_t channel_count(const Graph& graph, ValueId value) {
  const Node& node = producer(graph, value);
  const Shape& w = graph.value(node.inputs[1]).constant->shape();
  if (const auto* product = node.op.as<ops::MatMul>()) return product->transpose_b ? w[0] : w[1];
  const auto* transposed = node.op.as<ops::ConvTranspose>();
  return transposed ? w[1] * transposed->group : w[0];
}

ValueId absorb(Patch& patch, const Graph& graph, ValueId value, const ChannelAffine& affine) {
  const Node& node = producer(graph, value);
  const int64_t channels = channel_count(graph, value);
  const Tensor& w = graph.value(node.inputs[1]).constant->tensor();
  std::vector<ValueId> inputs = {node.inputs[0], node.inputs[1]};
  bool keeps_weights = true;
  for (double scale : affine.scale) keeps_weights &= scale == 1;
  if (!keeps_weights) {
    inputs[1] = patch.constant(scaled(w, weight_channels(node, w.shape()), affine.scale));
  }
  const auto before = *bias_numbers(graph, node, channels);
  Tensor bias = Tensor::allocate(w.type(), {channels});
  bool any_bias = optional_input(node, 2) != no_id;
  for (int64_t c = 0; c < channels; ++c) {
    const auto i = static_cast<size_t>(c);
    const double number = before[i] * affine.scale[i] + affine.shift[i];
    any_bias |= number != 0;
    write_number(bias, c, number);
  }
  if (any_bias) inputs.push_back(patch.constant(std::move(bias)));
  return patch.add(node.op, std::move(inputs), node.name);
}

}  // namespace drawbar

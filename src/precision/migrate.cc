#include "precision/migrate.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "ops/conv/op.h"
#include "precision/slices.h"

namespace drawbar {
namespace {

using ops::Function;

// Stronger ones leave numbers that were not seen no room, and so do any that gain little.
constexpr double kStrengths[] = {0.2, 0.3, 0.4, 0.5, 0.6, 0.7};
constexpr double kMostNoise = 0.5;    // of that without factors, for them to pay
constexpr double kLeastShare = 1e-3;  // of the largest channel, that a channel counts as at least

struct LayerOf {
  NodeId node;
  ByteLayer layer;
};

InputChannels input_channels(const Graph& graph, const LayerOf& of) {
  return {constant_of(graph, of.layer.weights)->shape(), of.layer.axis, of.layer.groups};
}

/// The layer that a use is the input of, where its channels are the value's.
std::optional<LayerOf> layer_reading(const Graph& graph, const Use& use, ValueId value) {
  const Node& node = graph.node(use.node);
  const auto layer = constant_layer(graph, node);
  if (!layer || use.input != 0) return {};
  const auto rank = static_cast<int64_t>(dims_of(graph, value).size());
  const int64_t axis = node.op.as<ops::Conv>() ? 1 : rank - 1;
  if (axis != channel_axis(rank)) return {};
  return LayerOf{use.node, *layer};
}

/// The layer that gives the value, at once or through an activation that a division of the channels
/// can go before; and the activation's upper end.
std::optional<LayerOf> layer_giving(const Graph& graph, ValueId value, double* most) {
  const NodeId id = giver_of(graph, value);
  if (id == no_id || graph.is_output(value)) return {};
  const auto layer = constant_layer(graph, graph.node(id));
  if (!layer) return {};
  *most = HUGE_VAL;
  const auto* last = producer_as<ops::Elementwise>(graph, value);
  if (last && last->function == Function::Clip) {
    if (last->p != 0 || !(last->q > 0)) return {};
    *most = static_cast<double>(last->q);
  }
  return LayerOf{id, *layer};
}

/// The layers whose weights take the factors; none where something else would read x divided.
std::vector<LayerOf> layers_reading(const Graph& graph, const BytePlan& plan, ValueId value,
                                    FactorPlace place) {
  std::vector<LayerOf> layers;
  for (const Use& use : graph.value(value).uses) {
    const auto layer = layer_reading(graph, use, value);
    const bool takes = layer && (place == FactorPlace::layer || plan.weighted.contains(use.node));
    if (takes) {
      layers.push_back(*layer);
    } else if (place == FactorPlace::layer || reads_bytes(graph, plan, use.node)) {
      return {};
    }
  }
  return layers;
}

/// max|w_c| over the layers' weights for each input channel c; 1 where depthwise convolutions alone
/// read them, whose weights have a scale for each of these channels. Nothing where a layer has
/// another number of channels.
std::optional<std::vector<double>> largest_weights(const Graph& graph,
                                                   const std::vector<LayerOf>& layers,
                                                   size_t channels) {
  std::vector<double> most(channels, 0);
  bool any = false;
  for (const LayerOf& of : layers) {
    const InputChannels channel = input_channels(graph, of);
    if (static_cast<size_t>(channel.count) != channels) return {};
    if (of.layer.is_depthwise) continue;
    any = true;
    const Tensor& w = *constant_of(graph, of.layer.weights);
    for (int64_t i = 0; i < w.size(); ++i) {
      double& largest = most[static_cast<size_t>(channel(i))];
      largest = std::max(largest, std::fabs(static_cast<double>(w.data<float>()[i])));
    }
  }
  if (!any) std::fill(most.begin(), most.end(), 1);
  return most;
}

/// The noise of a layer's sums over their energy.
double noise(const Graph& graph, const LayerOf& of, const ChannelStatistics& seen,
             const std::vector<float>& factors, double step) {
  const InputChannels channel = input_channels(graph, of);
  const Tensor& w = *constant_of(graph, of.layer.weights);
  const Slices output(w.shape(), of.layer.axis);
  const float* numbers = w.data<float>();
  std::vector<float> scales(static_cast<size_t>(output.count), 0);
  for (int64_t i = 0; i < w.size(); ++i) {
    float& scale = scales[static_cast<size_t>(output(i))];
    scale = std::max(scale, std::fabs(numbers[i] * factors[static_cast<size_t>(channel(i))]) / 127);
  }
  std::vector<double> rounded(factors.size(), 0), squares(factors.size(), 0);
  for (int64_t i = 0; i < w.size(); ++i) {
    const auto c = static_cast<size_t>(channel(i));
    const float scale = scales[static_cast<size_t>(output(i))], number = numbers[i] * factors[c];
    if (!(scale > 0)) continue;
    const double lost = static_cast<double>(number - scale * std::nearbyint(number / scale));
    rounded[c] += lost * lost;
    squares[c] += static_cast<double>(number) * static_cast<double>(number);
  }
  double lost = 0, energy = 0;
  for (size_t c = 0; c < factors.size(); ++c) {
    const double variance = seen.variance(c) / std::pow(static_cast<double>(factors[c]), 2);
    lost += step * step / 12 * seen.share_rounded(c) * squares[c] + variance * rounded[c];
    energy += variance * squares[c];
  }
  return energy > 0 ? lost / energy : 0;
}

/// What is tried for one value.
class Trial {
 public:
  Trial(const Graph& graph, const std::vector<LayerOf>& layers, const ChannelStatistics& seen,
        Activations activations)
      : graph_(graph), layers_(layers), seen_(seen), activations_(activations) {
    for (size_t c = 0; c < seen.channels(); ++c)
      peaks_.push_back(static_cast<double>(std::max(-seen.low[c], seen.high[c])));
    raise(peaks_);
  }

  /// Nothing where no factors pay. x is clipped to `most` before it is quantised.
  std::optional<std::vector<float>> best(std::vector<double> weights, double most) {
    if (!(*std::max_element(peaks_.begin(), peaks_.end()) > 0)) return {};
    raise(weights);
    double least = kMostNoise * noise_with(std::vector<float>(peaks_.size(), 1));
    std::optional<std::vector<float>> best;
    for (const double strength : kStrengths) {
      auto factors = factors_of(weights, most, strength);
      const double lost = noise_with(factors);
      if (!(lost < least)) continue;
      least = lost;
      best = std::move(factors);
    }
    return best;
  }

 private:
  /// So that no channel is divided by nothing.
  static void raise(std::vector<double>& numbers) {
    const double least = kLeastShare * *std::max_element(numbers.begin(), numbers.end());
    for (double& x : numbers) x = std::max(x, least);
  }

  /// The largest peak stays as it is, or becomes what x is clipped to: then factors up to 1 keep
  /// the Clip from letting more through than it did.
  std::vector<float> factors_of(const std::vector<double>& weights, double most, double strength) {
    std::vector<double> factors;
    double peak = 0;
    for (size_t c = 0; c < peaks_.size(); ++c) {
      factors.push_back(std::pow(peaks_[c], strength) /
                        std::pow(std::max(weights[c], 1e-30), 1 - strength));
      peak = std::max(peak, peaks_[c] / factors[c]);
    }
    const bool clipped = std::isfinite(most);
    const double scale = peak / (clipped ? most : *std::max_element(peaks_.begin(), peaks_.end()));
    std::vector<float> result;
    for (const double factor : factors)
      result.push_back(
          static_cast<float>(clipped ? std::min(factor * scale, 1.0) : factor * scale));
    return result;
  }

  double noise_with(const std::vector<float>& factors) {
    const double step = static_cast<double>(scale_of(spread(seen_.range(factors), activations_)));
    double sum = 0;
    for (const LayerOf& of : layers_) sum += noise(graph_, of, seen_, factors, step);
    return sum;
  }

  const Graph& graph_;
  const std::vector<LayerOf>& layers_;
  const ChannelStatistics& seen_;
  Activations activations_;
  std::vector<double> peaks_;
};

/// The constant with each number multiplied by its channel's factor. Throws INVALID_ARGUMENT where
/// that is more than f32 holds.
template <class Channel>
ValueId multiplied(Graph& graph, ValueId constant, const std::vector<float>& factors,
                   const Channel& channel) {
  Tensor numbers = constant_of(graph, constant)->clone();
  for (int64_t i = 0; i < numbers.size(); ++i) {
    const float factor = factors[static_cast<size_t>(channel(i))];
    float& number = numbers.data<float>()[i];
    const bool was_finite = std::isfinite(number);
    number *= factor;
    if (was_finite && !std::isfinite(number)) {
      fail(ErrorCode::invalid_argument, "the calibration's factor {} is too much for weights '{}'",
           factor, graph.value(constant).name);
    }
  }
  return graph.add_constant(std::move(numbers), graph.value(constant).name);
}

/// The layer's results divided by the factors.
void divide_results(Graph& graph, const LayerOf& of, const std::vector<float>& factors) {
  std::vector<float> inverse;
  for (const float factor : factors) inverse.push_back(1 / factor);
  const Slices output(constant_of(graph, of.layer.weights)->shape(), of.layer.axis);
  graph.set_input(of.node, 1, multiplied(graph, of.layer.weights, inverse, output));
  if (of.layer.bias == no_id) return;
  const Tensor& bias = *constant_of(graph, of.layer.bias);
  Tensor numbers = Tensor::allocate(ElementType::f32, {output.count});
  for (int64_t c = 0; c < output.count; ++c) {
    numbers.data<float>()[c] =
        bias.data<float>()[bias.size() > 1 ? c : 0] * inverse[static_cast<size_t>(c)];
  }
  graph.set_input(of.node, 2, graph.add_constant(std::move(numbers)));
}

}  // namespace

FactorPlace factor_place(const Graph& graph, const BytePlan& plan, ValueId value) {
  double most = 0;
  if (layer_giving(graph, value, &most) &&
      !layers_reading(graph, plan, value, FactorPlace::layer).empty())
    return FactorPlace::layer;
  const bool given = is_given_as_bytes(graph, plan, value);
  return !given && !layers_reading(graph, plan, value, FactorPlace::quantisation).empty()
             ? FactorPlace::quantisation
             : FactorPlace::nowhere;
}

ChannelFactors choose_factors(const Graph& graph, const BytePlan& plan,
                              const std::map<ValueId, ChannelStatistics>& statistics,
                              Activations activations) {
  ChannelFactors chosen;
  for (const auto& [value, seen] : statistics) {
    const FactorPlace place = factor_place(graph, plan, value);
    if (place == FactorPlace::nowhere || seen.channels() < 2) continue;
    const auto layers = layers_reading(graph, plan, value, place);
    auto weights = largest_weights(graph, layers, seen.channels());
    if (!weights) continue;
    double most = HUGE_VAL;
    if (place == FactorPlace::layer) layer_giving(graph, value, &most);
    auto factors = Trial(graph, layers, seen, activations).best(std::move(*weights), most);
    if (factors) chosen.emplace(value, std::move(*factors));
  }
  return chosen;
}

void migrate(Graph& graph, const BytePlan& plan, ValueId value, const std::vector<float>& factors) {
  const FactorPlace place = factor_place(graph, plan, value);
  const std::string name = calibration_name(graph, value);
  if (place == FactorPlace::nowhere) {
    fail(ErrorCode::invalid_argument,
         "the calibration has factors for value '{}', which can have none", name);
  }
  const auto check = [&](int64_t channels) {
    if (channels == std::ssize(factors)) return;
    fail(ErrorCode::invalid_argument,
         "the calibration has {} factors for value '{}', expected one for each of {} channels",
         factors.size(), name, channels);
  };
  const auto layers = layers_reading(graph, plan, value, place);
  double most = 0;
  const auto giver = place == FactorPlace::layer ? layer_giving(graph, value, &most) : std::nullopt;
  for (const LayerOf& of : layers) check(input_channels(graph, of).count);
  if (giver) check(giver->layer.channels);
  if (giver && std::isfinite(most) && *std::max_element(factors.begin(), factors.end()) > 1) {
    fail(ErrorCode::invalid_argument,
         "the calibration has a factor above 1 for value '{}', which is clipped", name);
  }
  for (const LayerOf& of : layers) {
    graph.set_input(of.node, 1,
                    multiplied(graph, of.layer.weights, factors, input_channels(graph, of)));
  }
  if (giver) divide_results(graph, *giver, factors);
}

}  // namespace drawbar

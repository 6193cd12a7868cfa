#include "precision/choose.h"

#include <algorithm>
#include <bit>

#include "engine/timing_cache.h"
#include "passes/pipeline.h"
#include "targets/target.h"

namespace drawbar {
namespace {

constexpr int kProfiledRuns = 5;
constexpr double kLeastGain = 1e-3;  // ms: what gains less, or nothing, is put back first

/// With tactics timed for these inputs.
Session timed_session(Graph graph, const std::vector<Tensor>& inputs) {
  CompileOptions options;
  options.threads = {available_processors()};
  auto& shapes = options.profiles.emplace_back();
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  options.timing_cache = load_timing_cache();
  auto engine =
      Engine::compile(std::make_shared<const Graph>(fuse(std::move(graph))), "cpu", options, {});
  store_timing_cache(engine->program().timings());
  return Session(std::move(engine));
}

class Chooser {
 public:
  Chooser(const Graph& graph, const Calibration& calibration, SampleSource& samples,
          const ChoiceOptions& options)
      : graph_(graph),
        calibration_(calibration),
        options_(options),
        meter_(graph, calibration, samples, options.loss) {}

  PrecisionChoice choose() {
    result_.samples = meter_.samples();
    for (LayerLoss& layer : meter_.measure_layers(options_.progress))
      result_.layers.push_back({std::move(layer)});
    measure_times();
    const auto cost = [](const LayerChoice& layer) {
      return layer.loss.output / std::max(layer.gain_ms(), kLeastGain);
    };
    std::stable_sort(result_.layers.begin(), result_.layers.end(),
                     [&](const LayerChoice& a, const LayerChoice& b) { return cost(a) > cost(b); });
    size_t low = 0, high = result_.layers.size();  // fewest in f32 that suffice lie between
    while (low < high) {
      const size_t middle = result_.trials.empty() ? 0 : (low + high) / 2;  // all on bytes first
      if (options_.loss.counted(loss_with(middle)) <= options_.most_loss) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    loss_with(high);
    std::sort(result_.trials.begin(), result_.trials.end(),
              [](const Trial& a, const Trial& b) { return a.in_f32 < b.in_f32; });
    return std::move(result_);
  }

 private:
  size_t most_trials() const { return std::bit_width(result_.layers.size()) + 2; }

  void measure_times() {
    Graph named = graph_;  // so that steps say which layer they are
    for (const auto& [node, name] : quantized_layers(graph_)) named.set_node_name(node, name);
    Calibration calibration = calibration_;
    calibration.f32.clear();
    const auto in_f32 = times(named), in_bytes = times(quantize(named, calibration));
    for (const auto& [name, ms] : in_f32) result_.f32_ms += ms;
    for (const auto& [name, ms] : in_bytes) result_.byte_ms += ms;
    for (LayerChoice& layer : result_.layers) {
      if (const auto found = in_f32.find(layer.name); found != in_f32.end())
        layer.f32_ms = found->second;
      if (const auto found = in_bytes.find(layer.name); found != in_bytes.end())
        layer.byte_ms = found->second;
    }
    share_joined_times(in_f32);
  }

  /// A convolution in f32 may be joined to the depthwise one behind it, in a step called after
  /// both: they share its time as they do on bytes.
  void share_joined_times(const std::map<std::string, double>& in_f32) {
    for (size_t i = 0; i + 1 < result_.layers.size(); ++i) {
      LayerChoice &layer = result_.layers[i], &next = result_.layers[i + 1];
      const auto joined = in_f32.find(layer.name + " + " + next.name);
      const double on_bytes = layer.byte_ms + next.byte_ms;
      if (joined == in_f32.end() || on_bytes <= 0) continue;
      layer.f32_ms = joined->second * layer.byte_ms / on_bytes;
      next.f32_ms = joined->second * next.byte_ms / on_bytes;
    }
  }

  /// The shortest of some runs, ms.
  std::map<std::string, double> times(Graph graph) {
    const std::vector<Tensor>& inputs = meter_.first_inputs();
    Session session = timed_session(std::move(graph), inputs);
    std::map<std::string, double> shortest;
    for (int run = 0; run < kProfiledRuns; ++run) {
      std::map<std::string, double> sums;
      for (const StepReport& step : session.profile(inputs).steps)
        sums[step.node] += step.seconds * 1e3;
      for (const auto& [name, ms] : sums) {
        const auto [place, is_new] = shortest.emplace(name, ms);
        if (!is_new) place->second = std::min(place->second, ms);
      }
    }
    return shortest;
  }

  /// With the first `count` layers in f32; they become the choice.
  Loss loss_with(size_t count) {
    std::set<std::string> names;
    double ms = result_.byte_ms;
    for (size_t i = 0; i < result_.layers.size(); ++i) {
      result_.layers[i].in_f32 = i < count;
      if (i >= count) continue;
      names.insert(result_.layers[i].name);
      ms += result_.layers[i].gain_ms();
    }
    const auto known = std::find_if(result_.trials.begin(), result_.trials.end(),
                                    [&](const Trial& trial) { return trial.in_f32 == count; });
    if (known != result_.trials.end()) return result_.loss = known->loss;
    if (options_.progress) options_.progress("choosing", result_.trials.size(), most_trials());
    result_.loss = meter_.measure(names);
    result_.trials.push_back({count, result_.loss, ms});
    return result_.loss;
  }

  const Graph& graph_;
  const Calibration& calibration_;
  const ChoiceOptions& options_;
  LossMeter meter_;
  PrecisionChoice result_;
};

}  // namespace

PrecisionChoice choose_layers(const Graph& graph, const Calibration& calibration,
                              SampleSource& samples, const ChoiceOptions& options) {
  return Chooser(graph, calibration, samples, options).choose();
}

}  // namespace drawbar

#include "precision/choose.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"
#include "engine/timing_cache.h"
#include "passes/match.h"
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

double energy(const Tensor& tensor) {
  double sum = 0;
  for (int64_t i = 0; i < tensor.size(); ++i)
    sum += read_number(tensor, i) * read_number(tensor, i);
  return sum;
}

/// Σ (a - b)² over Σ a².
double loss_of(const Tensor& a, const Tensor& b) {
  if (a.kind() != Tensor::Kind::tensor || a.shape() != b.shape())
    return a.size() == b.size() ? 0 : 1;
  double noise = 0;
  for (int64_t i = 0; i < a.size(); ++i)
    noise += std::pow(read_number(a, i) - read_number(b, i), 2);
  return noise == 0 ? 0 : noise / std::max(energy(a), 1e-30);
}

class Chooser {
 public:
  Chooser(const Graph& graph, const Calibration& calibration, SampleSource& samples,
          const ChoiceOptions& options)
      : graph_(graph), calibration_(calibration), options_(options) {
    if (samples.size() == 0) fail(ErrorCode::invalid_argument, "auto: there are no samples");
    const size_t count = std::min(samples.size(), std::max<size_t>(options.samples, 1));
    for (size_t i = 0; i < count; ++i)
      inputs_.push_back(samples.sample(i * samples.size() / count));
    Session session = untimed_session(graph);
    for (const auto& inputs : inputs_) wanted_.push_back(session.run(inputs));
  }

  PrecisionChoice choose() {
    result_.samples = inputs_.size();
    measure_layers();
    measure_times();
    const auto cost = [](const LayerChoice& layer) {
      return layer.loss / std::max(layer.gain_ms(), kLeastGain);
    };
    std::stable_sort(result_.layers.begin(), result_.layers.end(),
                     [&](const LayerChoice& a, const LayerChoice& b) { return cost(a) > cost(b); });
    size_t low = 0, high = result_.layers.size();  // fewest in f32 that suffice lie between
    while (low < high) {
      const size_t middle = result_.trials.empty() ? 0 : (low + high) / 2;  // all on bytes first
      if (loss_with(middle) <= options_.most_loss) {
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
  /// Of the graph with these layers in f32.
  double measure(const std::set<std::string>& in_f32) {
    Calibration calibration = calibration_;
    calibration.f32 = in_f32;
    Session session = untimed_session(quantize(graph_, calibration));
    double loss = 0;
    size_t outputs = 0;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const std::vector<Tensor> got = session.run(inputs_[i]);
      for (size_t k = 0; k < got.size(); ++k, ++outputs) loss += loss_of(wanted_[i][k], got[k]);
    }
    return outputs > 0 ? loss / static_cast<double>(outputs) : 0;
  }

  size_t most_trials() const { return std::bit_width(result_.layers.size()) + 2; }

  void measure_layers() {
    const auto layers = quantized_layers(graph_);
    std::set<std::string> all;
    for (const auto& [node, name] : layers) all.insert(name);
    for (size_t i = 0; i < layers.size(); ++i) {
      if (options_.progress) options_.progress("measuring layers", i, layers.size());
      const auto& [node, name] = layers[i];
      const Node& layer = graph_.node(node);
      std::set<std::string> others = all;
      others.erase(name);
      // A sum is none of bytes unless what it adds is: what all on bytes lose less without it.
      const double loss = is_function(graph_, layer.outputs[0], ops::Function::Add)
                              ? std::max(0.0, loss_with(0) - measure({name}))
                              : measure(others);
      result_.layers.push_back({.name = name, .op = std::string(layer.op.name()), .loss = loss});
    }
  }

  void measure_times() {
    Graph named = graph_;  // so that steps say which layer they are
    for (const auto& [node, name] : quantized_layers(graph_)) named.set_node_name(node, name);
    Calibration calibration = calibration_;
    calibration.f32.clear();
    const auto in_f32 = times(named), in_bytes = times(quantize(named, calibration));
    for (LayerChoice& layer : result_.layers) {
      if (const auto found = in_f32.find(layer.name); found != in_f32.end())
        layer.f32_ms = found->second;
      if (const auto found = in_bytes.find(layer.name); found != in_bytes.end())
        layer.byte_ms = found->second;
    }
  }

  /// The shortest of some runs, ms.
  std::map<std::string, double> times(Graph graph) {
    Session session = timed_session(std::move(graph), inputs_[0]);
    std::map<std::string, double> shortest;
    for (int run = 0; run < kProfiledRuns; ++run) {
      std::map<std::string, double> sums;
      for (const StepReport& step : session.profile(inputs_[0]).steps)
        sums[step.node] += step.seconds * 1e3;
      for (const auto& [name, ms] : sums) {
        const auto [place, is_new] = shortest.emplace(name, ms);
        if (!is_new) place->second = std::min(place->second, ms);
      }
    }
    return shortest;
  }

  /// With the first `count` layers in f32; they become the choice.
  double loss_with(size_t count) {
    std::set<std::string> names;
    for (size_t i = 0; i < result_.layers.size(); ++i) {
      result_.layers[i].in_f32 = i < count;
      if (i < count) names.insert(result_.layers[i].name);
    }
    const auto known = std::find_if(result_.trials.begin(), result_.trials.end(),
                                    [&](const Trial& trial) { return trial.in_f32 == count; });
    if (known != result_.trials.end()) return result_.loss = known->loss;
    if (options_.progress) options_.progress("choosing", result_.trials.size(), most_trials());
    result_.loss = measure(names);
    result_.trials.push_back({count, result_.loss});
    return result_.loss;
  }

  const Graph& graph_;
  const Calibration& calibration_;
  const ChoiceOptions& options_;
  std::vector<std::vector<Tensor>> inputs_, wanted_;
  PrecisionChoice result_;
};

}  // namespace

PrecisionChoice choose_layers(const Graph& graph, const Calibration& calibration,
                              SampleSource& samples, const ChoiceOptions& options) {
  return Chooser(graph, calibration, samples, options).choose();
}

}  // namespace drawbar

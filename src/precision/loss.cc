#include "precision/loss.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "passes/match.h"

namespace drawbar {
namespace {

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

}  // namespace

LossMeter::LossMeter(const Graph& graph, const Calibration& calibration, SampleSource& samples,
                     const LossOptions& options)
    : graph_(graph),
      calibration_(calibration),
      source_(samples),
      options_(options),
      f32_(untimed_session(graph)) {
  const size_t all = samples.size();
  if (all == 0) fail(ErrorCode::invalid_argument, "losses: there are no samples");
  if (!options.classes.empty() && options.classes.size() != all) {
    fail(ErrorCode::invalid_argument, "losses: {} classes of {} samples", options.classes.size(),
         all);
  }
  const size_t count = options.samples > 0 ? std::min(options.samples, all) : all;
  for (size_t i = 0; i < count; ++i) {
    chosen_.push_back(i * all / count);
    inputs_.push_back(samples.sample(chosen_.back()));
    wanted_.push_back(f32_.run(inputs_.back()));
  }
  for (size_t i = 0; i < options.classes.size(); ++i)
    right_.push_back(is_right(f32_.run(samples.sample(i)), i));
}

bool LossMeter::is_right(const std::vector<Tensor>& outputs, size_t sample) const {
  const int64_t number = options_.classes[sample];
  const Tensor& scores = outputs.at(0);
  if (number < 0 || number >= scores.size()) {
    fail(ErrorCode::invalid_argument, "sample {}: class {}, the model has {}", sample, number,
         scores.size());
  }
  const double own = read_number(scores, number);
  for (int64_t i = 0; i < scores.size(); ++i) {
    const double other = read_number(scores, i);
    if (other > own || (other == own && i < number) || std::isnan(own)) return false;
  }
  return true;
}

Session LossMeter::session(const std::set<std::string>& in_f32) {
  Calibration calibration = calibration_;
  calibration.f32 = in_f32;
  return untimed_session(quantize(graph_, calibration), &f32_.engine().program());
}

Loss LossMeter::measure(Session& session, bool all) {
  Loss loss;
  size_t outputs = 0, counted = 0;
  const bool classes = !options_.classes.empty();
  const auto count = [&](const std::vector<Tensor>& got, size_t sample) {
    loss.accuracy += static_cast<double>(right_[sample]) - is_right(got, sample);
    ++counted;
  };
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const std::vector<Tensor> got = session.run(inputs_[i]);
    for (size_t k = 0; k < got.size(); ++k, ++outputs)
      loss.output += loss_of(wanted_[i][k], got[k]);
    if (classes) count(got, chosen_[i]);
  }
  for (size_t i = 0; classes && all && i < source_.size(); ++i) {
    if (!std::binary_search(chosen_.begin(), chosen_.end(), i))
      count(session.run(source_.sample(i)), i);
  }
  loss.output /= static_cast<double>(std::max<size_t>(outputs, 1));
  loss.accuracy /= static_cast<double>(std::max<size_t>(counted, 1));
  return loss;
}

Loss LossMeter::measure(const std::set<std::string>& in_f32) {
  Session with = session(in_f32);
  return measure(with, true);
}

std::vector<LayerLoss> LossMeter::measure_layers(const Progress& progress) {
  const auto layers = quantized_layers(graph_);
  std::set<std::string> all;
  for (const auto& [node, name] : layers) all.insert(name);
  Session bytes = session({});
  const Loss whole = measure(bytes, false);
  std::vector<LayerLoss> result;
  for (const auto& [node, name] : layers) {
    if (progress) progress("measuring layers", result.size(), layers.size());
    std::set<std::string> others = all;
    others.erase(name);
    Loss loss;
    if (!is_function(graph_, graph_.node(node).outputs[0], ops::Function::Add)) {
      Session alone = session(others);
      loss = measure(alone, false);
    }
    if (loss.output == 0) {
      Session without = session({name});
      const Loss rest = measure(without, false);
      loss = {std::max(0.0, whole.output - rest.output), whole.accuracy - rest.accuracy};
    }
    result.push_back({name, std::string(graph_.node(node).op.name()), loss});
  }
  return result;
}

}  // namespace drawbar

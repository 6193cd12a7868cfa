#include "precision/calibrate.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/mapped_file.h"
#include "drawbar/session.h"
#include "passes/pipeline.h"
#include "precision/histogram.h"
#include "targets/target.h"

namespace drawbar {

using Json = nlohmann::ordered_json;

namespace {

constexpr std::pair<Calibrator, const char*> names[] = {{Calibrator::min_max, "min-max"},
                                                        {Calibrator::percentile, "percentile"},
                                                        {Calibrator::mse, "mse"},
                                                        {Calibrator::entropy, "entropy"}};

/// A session that gives the values instead of the graph's outputs. Its profiles are left open: a
/// plan is made for the samples' shapes.
Session session_for(const Graph& graph, const std::vector<ValueId>& values) {
  Graph observed;
  {
    Graph copy = graph;
    for (ValueId id : values) copy.add_output(id, "observed " + copy.value(id).name);
    observed = optimize(std::move(copy), {});
  }
  CompileOptions options;
  options.threads = {available_processors()};
  options.time_tactics = false;
  return Session(
      Engine::compile(std::make_shared<const Graph>(std::move(observed)), "cpu", options, {}));
}

}  // namespace

Calibrator calibrator_named(const std::string& name) {
  std::string known;
  for (const auto& [calibrator, text] : names) {
    if (name == text) return calibrator;
    known += (known.empty() ? "" : ", ") + std::string(text);
  }
  fail(ErrorCode::invalid_argument, "calibrator '{}': expected one of {}", name, known);
}

std::string name(Calibrator wanted) {
  for (const auto& [calibrator, text] : names) {
    if (calibrator == wanted) return text;
  }
  return {};
}

void write_calibration(const std::string& path, const Calibration& calibration) {
  Json ranges = Json::object();
  for (const auto& [value, range] : calibration.ranges)
    ranges[value] = Json::array({range.low, range.high});
  const std::string text = Json{{"calibrator", calibration.calibrator},
                                {"samples", calibration.samples},
                                {"ranges", std::move(ranges)}}
                               .dump(1) +
                           "\n";
  AtomicFile file(path);
  file.write(text.data(), text.size());
  file.commit();
}

Calibration read_calibration(const std::string& path) {
  const MappedFile file(path);
  try {
    const Json json = Json::parse(file.bytes());
    Calibration calibration;
    json.at("calibrator").get_to(calibration.calibrator);
    json.at("samples").get_to(calibration.samples);
    for (const auto& [value, range] : json.at("ranges").items()) {
      if (!range.is_array() || range.size() != 2)
        fail(ErrorCode::invalid_argument, "{}: range of '{}': expected [low, high]", path, value);
      const Range read{range[0].get<float>(), range[1].get<float>()};
      if (!std::isfinite(read.low) || !std::isfinite(read.high) || read.low > read.high) {
        fail(ErrorCode::invalid_argument, "{}: range of '{}': [{}, {}] is no range", path, value,
             read.low, read.high);
      }
      calibration.ranges[value] = read;
    }
    return calibration;
  } catch (const Json::exception& error) {
    fail(ErrorCode::invalid_argument, "{}: no calibration cache: {}", path, error.what());
  }
}

Calibration calibrate(const Graph& graph, const std::vector<ValueId>& values, SampleSource& samples,
                      Calibrator calibrator,
                      const std::function<void(const std::string&, size_t, size_t)>& progress) {
  if (samples.size() == 0) fail(ErrorCode::invalid_argument, "calibration: there are no samples");
  Session session = session_for(graph, values);
  std::vector<Histogram> histograms(values.size());
  const size_t first = graph.outputs().size();
  for (const bool counting : {false, true}) {
    for (size_t i = 0; i < samples.size(); ++i) {
      if (progress)
        progress("calibrating", i + (counting ? samples.size() : 0), 2 * samples.size());
      const std::vector<Tensor> outputs = session.run(samples.sample(i));
      for (size_t v = 0; v < values.size(); ++v) {
        const Tensor& seen = outputs[first + v];
        const std::span numbers(seen.data<float>(), static_cast<size_t>(seen.size()));
        if (counting) {
          histograms[v].count(numbers);
        } else if (!histograms[v].widen(numbers)) {
          fail(ErrorCode::invalid_argument, "calibration: sample {}: value '{}' is not finite", i,
               graph.value(values[v]).name);
        }
      }
    }
    if (calibrator == Calibrator::min_max) break;
  }
  Calibration result{name(calibrator), samples.size(), {}};
  for (size_t v = 0; v < values.size(); ++v)
    result.ranges[graph.value(values[v]).name] = histograms[v].range(calibrator);
  return result;
}

}  // namespace drawbar

#include "precision/calibrate.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "base/mapped_file.h"
#include "passes/pipeline.h"
#include "precision/histogram.h"
#include "precision/slices.h"
#include "targets/target.h"

namespace drawbar {

using Json = nlohmann::ordered_json;

namespace {

constexpr std::pair<Calibrator, const char*> names[] = {{Calibrator::min_max, "min-max"},
                                                        {Calibrator::percentile, "percentile"},
                                                        {Calibrator::mse, "mse"},
                                                        {Calibrator::entropy, "entropy"}};

/// A session that gives the values behind the graph's outputs.
Session session_for(const Graph& graph, const std::vector<ValueId>& values) {
  Graph observed = graph;
  for (ValueId id : values) observed.add_output(id, "observed " + std::to_string(id));
  return untimed_session(std::move(observed));
}

/// Sums of each channel over everything seen.
struct ChannelSums {
  std::vector<double> sums;
  int64_t count = 0;  // of numbers in one channel

  void add(const Tensor& seen) {
    if (seen.rank() == 0 || seen.size() == 0) return;
    const Slices channels(seen.shape(), channel_axis(seen.rank()));
    sums.resize(static_cast<size_t>(channels.count));
    const auto* numbers = seen.data<float>();
    for (int64_t i = 0; i < seen.size(); i += channels.inner)
      sums[static_cast<size_t>(channels(i))] +=
          std::accumulate(numbers + i, numbers + i + channels.inner, 0.0);
    count += seen.size() / channels.count;
  }

  std::vector<float> means() const {
    std::vector<float> result;
    for (double sum : sums)
      result.push_back(static_cast<float>(sum / static_cast<double>(std::max<int64_t>(count, 1))));
    return result;
  }
};

}  // namespace

Session untimed_session(Graph graph) {
  CompileOptions options;
  options.threads = {available_processors()};
  options.time_tactics = false;
  return Session(
      Engine::compile(std::make_shared<const Graph>(fuse(std::move(graph))), "cpu", options, {}));
}

std::string calibration_name(const Graph& graph, ValueId value) {
  const std::string& own = graph.value(value).name;
  size_t same = 0;
  for (ValueId id = 0; id < graph.value_count(); ++id) same += graph.value(id).name == own;
  return own.empty() || same > 1 ? fmt::format("{}#{}", own, value) : own;
}

int64_t channel_axis(int64_t rank) { return rank > 3 ? 1 : rank - 1; }

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
  // A line a value, so that it reads as a table.
  const auto table = [](const auto& rows, auto&& numbers) {
    std::string text = "{";
    for (const auto& [value, row] : rows)
      text +=
          (text.size() > 1 ? ",\n  " : "\n  ") + Json(value).dump() + ": " + numbers(row).dump();
    return text + "\n }";
  };
  const std::string text =
      "{\n \"calibrator\": " + Json(calibration.calibrator).dump() +
      ",\n \"samples\": " + std::to_string(calibration.samples) +
      ",\n \"f32\": " + Json(calibration.f32).dump() + ",\n \"ranges\": " +
      table(calibration.ranges,
            [](const Range& r) {
              return Json::array({r.low, r.high});
            }) +
      ",\n \"means\": " +
      table(calibration.means, [](const std::vector<float>& means) { return Json(means); }) +
      "\n}\n";
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
    if (json.contains("f32")) json.at("f32").get_to(calibration.f32);
    if (json.contains("means")) json.at("means").get_to(calibration.means);
    for (const auto& [value, means] : calibration.means) {
      if (!std::all_of(means.begin(), means.end(), [](float x) { return std::isfinite(x); }))
        fail(ErrorCode::invalid_argument, "{}: means of '{}' are not finite", path, value);
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
  std::vector<ChannelSums> sums(values.size());
  const size_t first = graph.outputs().size();
  const size_t rounds = calibrator == Calibrator::min_max ? 1 : 2;  // ranges; then histograms
  for (size_t round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < samples.size(); ++i) {
      if (progress) progress("calibrating", round * samples.size() + i, rounds * samples.size());
      const std::vector<Tensor> outputs = session.run(samples.sample(i));
      for (size_t v = 0; v < values.size(); ++v) {
        const Tensor& seen = outputs[first + v];
        const std::span numbers(seen.data<float>(), static_cast<size_t>(seen.size()));
        if (round == 1) {
          histograms[v].count(numbers);
        } else if (!histograms[v].widen(numbers)) {
          fail(ErrorCode::invalid_argument, "calibration: sample {}: value '{}' is not finite", i,
               calibration_name(graph, values[v]));
        } else {
          sums[v].add(seen);
        }
      }
    }
  }
  Calibration result{name(calibrator), samples.size(), {}, {}, {}};
  for (size_t v = 0; v < values.size(); ++v) {
    const std::string value = calibration_name(graph, values[v]);
    result.ranges[value] = histograms[v].range(calibrator);
    result.means[value] = sums[v].means();
  }
  return result;
}

}  // namespace drawbar

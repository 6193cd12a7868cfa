#include "precision/calibrate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/mapped_file.h"
#include "passes/pipeline.h"
#include "precision/histogram.h"
#include "precision/migrate.h"
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

/// The numbers of a value with each channel divided by its factor, where it has some.
std::vector<float> divided(const Tensor& seen, const std::vector<float>& factors) {
  std::vector<float> numbers(seen.data<float>(), seen.data<float>() + seen.size());
  if (factors.empty() || numbers.empty()) return numbers;
  const Slices channel(seen.shape(), channel_axis(seen.rank()));
  for (size_t i = 0; i < numbers.size(); ++i)
    numbers[i] /= factors[static_cast<size_t>(channel(static_cast<int64_t>(i)))];
  return numbers;
}

}  // namespace

Session untimed_session(Graph graph, const Program* shares) {
  CompileOptions options;
  options.threads = {available_processors()};
  options.time_tactics = false;
  options.shares = shares;
  return Session(
      Engine::compile(std::make_shared<const Graph>(fuse(std::move(graph))), "cpu", options, {}));
}

std::string calibration_name(const Graph& graph, ValueId value) {
  const std::string& own = graph.value(value).name;
  size_t same = 0;
  for (ValueId id = 0; id < graph.value_count(); ++id) same += graph.value(id).name == own;
  return own.empty() || same > 1 ? fmt::format("{}#{}", own, value) : own;
}

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

Activations activations_named(const std::string& name) {
  if (name == "asymmetric") return Activations::asymmetric;
  if (name == "symmetric") return Activations::symmetric;
  fail(ErrorCode::invalid_argument, "activations '{}': expected asymmetric or symmetric", name);
}

Range spread(Range range, Activations activations) {
  const Range wide{std::min(range.low, 0.0f), std::max(range.high, 0.0f)};
  if (activations == Activations::asymmetric || wide.low == 0) return wide;
  const float most = std::max(-wide.low * (127.0f / 128), wide.high);
  return {-std::min(most * (128.0f / 127), std::numeric_limits<float>::max()), most};
}

float scale_of(Range range) {
  const auto scale =
      static_cast<float>((static_cast<double>(range.high) - static_cast<double>(range.low)) / 255);
  return scale > std::numeric_limits<float>::min() ? scale : 1;
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
  const auto of_channels = [](const std::vector<float>& numbers) { return Json(numbers); };
  const std::string text = "{\n \"calibrator\": " + Json(calibration.calibrator).dump() +
                           ",\n \"samples\": " + std::to_string(calibration.samples) +
                           ",\n \"f32\": " + Json(calibration.f32).dump() + ",\n \"ranges\": " +
                           table(calibration.ranges,
                                 [](const Range& r) {
                                   return Json::array({r.low, r.high});
                                 }) +
                           ",\n \"means\": " + table(calibration.means, of_channels) +
                           ",\n \"factors\": " + table(calibration.factors, of_channels) + "\n}\n";
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
    if (json.contains("factors")) json.at("factors").get_to(calibration.factors);
    for (const auto& [value, means] : calibration.means) {
      if (!std::all_of(means.begin(), means.end(), [](float x) { return std::isfinite(x); }))
        fail(ErrorCode::invalid_argument, "{}: means of '{}' are not finite", path, value);
    }
    for (const auto& [value, factors] : calibration.factors) {
      if (!std::all_of(factors.begin(), factors.end(),
                       [](float x) { return std::isnormal(x) && x > 0; }))
        fail(ErrorCode::invalid_argument, "{}: factors of '{}' are not above 0", path, value);
    }
    return calibration;
  } catch (const Json::exception& error) {
    fail(ErrorCode::invalid_argument, "{}: no calibration cache: {}", path, error.what());
  }
}

Calibration calibrate(const Graph& graph, SampleSource& samples,
                      const CalibrationOptions& options) {
  if (samples.size() == 0) fail(ErrorCode::invalid_argument, "calibration: there are no samples");
  const BytePlan plan = plan_bytes(graph, {});
  const std::vector<ValueId> values(plan.values.begin(), plan.values.end());
  Session session = session_for(graph, values);
  const size_t first = graph.outputs().size();
  const size_t rounds = options.calibrator == Calibrator::min_max ? 1 : 2;
  const auto each = [&](size_t round, auto&& see) {
    for (size_t i = 0; i < samples.size(); ++i) {
      if (options.progress)
        options.progress("calibrating", round * samples.size() + i, rounds * samples.size());
      const std::vector<Tensor> outputs = session.run(samples.sample(i));
      for (size_t v = 0; v < values.size(); ++v) see(i, values[v], outputs[first + v]);
    }
  };
  std::map<ValueId, ChannelStatistics> statistics;
  each(0, [&](size_t i, ValueId value, const Tensor& seen) {
    if (statistics[value].add(seen)) return;
    fail(ErrorCode::invalid_argument, "calibration: sample {}: value '{}' is not finite", i,
         calibration_name(graph, value));
  });
  const ChannelFactors factors = options.migrate
                                     ? choose_factors(graph, plan, statistics, options.activations)
                                     : ChannelFactors{};
  const auto factors_of = [&](ValueId value) {
    const auto found = factors.find(value);
    return found == factors.end() ? std::vector<float>{} : found->second;
  };
  std::map<ValueId, Histogram> histograms;
  if (rounds > 1) {
    for (ValueId value : values)
      histograms.emplace(value, statistics[value].range(factors_of(value)));
    each(1, [&](size_t, ValueId value, const Tensor& seen) {
      histograms.at(value).count(divided(seen, factors_of(value)));
    });
  }
  Calibration result{name(options.calibrator), samples.size(), {}, {}, {}, {}};
  for (ValueId value : values) {
    const std::string name = calibration_name(graph, value);
    const Range range = rounds > 1 ? histograms.at(value).range(options.calibrator)
                                   : statistics[value].range(factors_of(value));
    result.ranges[name] = spread(range, options.activations);
    for (size_t c = 0; c < statistics[value].channels(); ++c)
      result.means[name].push_back(static_cast<float>(statistics[value].mean(c)));
  }
  for (const auto& [value, numbers] : factors)
    result.factors[calibration_name(graph, value)] = numbers;
  return result;
}

}  // namespace drawbar

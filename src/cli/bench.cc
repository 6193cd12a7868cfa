#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/model.h"
#include "engine/timing_cache.h"
#include "ir/evaluate_graph.h"
#include "runtime/session.h"

namespace drawbar::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string model;
  std::vector<std::string> inputs, shapes;
  int threads = 0;
  double duration = 2;
  bool json = false, profile = false;
};

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

int64_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;
  }
  return 0;
}

double quantile(const std::vector<double>& sorted, double q) {
  return sorted[static_cast<size_t>(q * static_cast<double>(sorted.size() - 1) + 0.5)];
}

struct Measured {
  double load_ms = 0, first_ms = 0;
  std::vector<double> sorted_ms;
  int64_t operations = 0;
};

/// 95 % of the median's distribution lie within this of it (order statistics, normal
/// approximation).
double median_spread(const std::vector<double>& sorted) {
  const auto n = static_cast<double>(sorted.size());
  const double half = 0.98 * std::sqrt(n);
  const double low = sorted[static_cast<size_t>(std::max(0.0, n / 2 - half))];
  const double high = sorted[static_cast<size_t>(std::min(n - 1, n / 2 + half))];
  return (high - low) / 2;
}

void print_profile(Session& session, const std::vector<Tensor>& inputs) {
  PlanReport report = session.profile(inputs);
  for (int round = 0; round < 4; ++round) {
    const PlanReport again = session.profile(inputs);
    for (size_t i = 0; i < report.steps.size(); ++i)
      report.steps[i].seconds = std::min(report.steps[i].seconds, again.steps[i].seconds);
  }
  double total = 0;
  for (const StepReport& step : report.steps) total += step.seconds;
  std::stable_sort(report.steps.begin(), report.steps.end(),
                   [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  fmt::print("{:>9}  {:>6}  {:>8}  {:>7}  {:<18} {:<34} {}\n", "ms", "share", "GFLOP/s", "GB/s",
             "operator", "tactic", "shapes");
  for (const StepReport& step : report.steps) {
    if (step.seconds < 0.001 * total) break;
    fmt::print(
        "{:9.3f}  {:5.1f}%  {:8.1f}  {:7.1f}  {:<18} {:<34} {}\n", 1e3 * step.seconds,
        100 * step.seconds / total, static_cast<double>(step.operations) / step.seconds / 1e9,
        static_cast<double>(step.bytes) / step.seconds / 1e9, step.op, step.tactic, step.shapes);
  }
}

void report(const Options& options, const Session& session, const std::vector<Tensor>& inputs,
            const Measured& m) {
  const double p50 = quantile(m.sorted_ms, 0.5);
  const double batch =
      inputs.empty() || inputs[0].rank() == 0 ? 1 : static_cast<double>(inputs[0].dim(0));
  if (options.json) {
    const nlohmann::json json = {
        {"latency_ms",
         {{"min", m.sorted_ms.front()},
          {"p50", p50},
          {"p90", quantile(m.sorted_ms, 0.9)},
          {"p99", quantile(m.sorted_ms, 0.99)},
          {"p50_spread", median_spread(m.sorted_ms)}}},
        {"throughput_per_s", 1e3 / p50},
        {"runs", m.sorted_ms.size()},
        {"load_ms", m.load_ms},
        {"first_run_ms", m.first_ms},
        {"peak_rss_bytes", peak_resident_bytes()},
        {"threads", session.threads()},
        {"target", session.engine().target()},
        {"precision", session.engine().info().precision},
        {"operations", m.operations},
    };
    fmt::print("{}\n", json.dump(1));
    return;
  }
  std::string shapes;
  for (size_t i = 0; i < inputs.size(); ++i)
    shapes += (i ? ", " : "") + to_string(inputs[i].shape());
  fmt::print("{}  {}, {} ({}), {} thread{}, input {}\n", options.model,
             session.engine().info().precision, session.engine().target(),
             target_named(session.engine().target()).device().requirement(), session.threads(),
             session.threads() == 1 ? "" : "s", shapes);
  fmt::print("p50 {:.2f} ms ±{:.2f}   p90 {:.2f} ms   p99 {:.2f} ms   {:.1f} runs/s ({} rows each)",
             p50, median_spread(m.sorted_ms), quantile(m.sorted_ms, 0.9),
             quantile(m.sorted_ms, 0.99), 1e3 / p50, static_cast<int64_t>(batch));
  if (m.operations)
    fmt::print("   {:.0f} GFLOP/s effective", static_cast<double>(m.operations) / p50 / 1e6);
  fmt::print("\nopened in {:.1f} ms   first run {:.1f} ms   peak memory {:.0f} MiB   {} runs\n",
             m.load_ms, m.first_ms, static_cast<double>(peak_resident_bytes()) / (1 << 20),
             m.sorted_ms.size());
}

void bench(const Options& options) {
  const int threads = options.threads > 0 ? options.threads : available_processors();
  Measured measured;
  const auto start = Clock::now();
  std::shared_ptr<Engine> engine;
  std::vector<Tensor> inputs;
  const bool is_engine = Engine::is_engine(options.model);
  if (is_engine) {
    engine = Engine::load(options.model);
  } else {
    CompileRequest request;
    request.model = options.model;
    request.threads = {threads};
    request.on_the_fly = true;
    engine = compile_model(request);
  }
  measured.load_ms = milliseconds_since(start);
  const Graph& graph = engine->graph();
  const auto shapes = [&] {
    if (!options.shapes.empty() || engine->profiles().empty())
      return profiles_from(graph, options.shapes).front();
    return engine->profiles().front();
  };
  inputs =
      options.inputs.empty() ? draw_inputs(graph, shapes()) : read_inputs(graph, options.inputs);
  bind_inputs(graph, inputs);  // what does not fit is refused before anything is timed
  const InputShapes concrete = shapes_of(inputs);
  const bool compiled = std::find(engine->profiles().begin(), engine->profiles().end(), concrete) !=
                            engine->profiles().end() &&
                        std::find(engine->threads().begin(), engine->threads().end(), threads) !=
                            engine->threads().end();
  if (!compiled) {
    CompileOptions tune;
    tune.profiles = {concrete};
    tune.threads = {threads};
    tune.timing_cache = load_timing_cache();
    engine->program().tune(tune);
    store_timing_cache(engine->program().timings());
    if (!is_engine) measured.load_ms = milliseconds_since(start);
  }
  SessionOptions session_options;
  session_options.threads = threads;
  Session session(engine, session_options);
  std::vector<Tensor> outputs(graph.outputs().size());
  const auto first = Clock::now();
  session.run(inputs, outputs);
  measured.first_ms = milliseconds_since(first);
  const auto end = Clock::now() + std::chrono::duration<double>(options.duration);
  do {
    const auto before = Clock::now();
    session.run(inputs, outputs);
    measured.sorted_ms.push_back(milliseconds_since(before));
  } while (Clock::now() < end || measured.sorted_ms.size() < 3);
  std::sort(measured.sorted_ms.begin(), measured.sorted_ms.end());
  if (!options.json && options.profile) print_profile(session, inputs);
  for (const StepReport& step : session.report(inputs).steps)
    measured.operations += step.operations;
  report(options, session, inputs, measured);
}

}  // namespace

void add_bench(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("bench", "Measure latency, throughput and memory");
  command->footer(
      "Example:\n  drawbar bench resnet50.engine --shape input=1x3x224x224 --threads 1 --duration "
      "5");
  command->add_option("model", options->model, "A model or an engine")->required();
  command
      ->add_option("--input", options->inputs,
                   "NAME=FILE.npy, once per input (drawn where none is given)")
      ->take_all();
  command->add_option("--shape", options->shapes, "NAME=1x3x224x224 for drawn inputs")->take_all();
  command->add_option("--threads", options->threads, "Threads (all processors)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--duration", options->duration, "Seconds to measure")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_flag("--profile", options->profile, "Time every step");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options] { bench(*options); });
}

}  // namespace drawbar::cli

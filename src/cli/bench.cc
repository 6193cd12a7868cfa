#include <algorithm>
#include <barrier>
#include <chrono>
#include <fstream>
#include <thread>

#include "cli/bench_result.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/model.h"
#include "drawbar/session.h"
#include "engine/timing_cache.h"
#include "ir/evaluate_graph.h"

namespace drawbar::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int device_runs = 50;

struct Options {
  std::string model, target = "cpu";
  std::vector<std::string> inputs, shapes;
  int threads = 0, concurrency = 1;
  double duration = 2;
  bool json = false, profile = false, peak = false;
  std::string trace, page;
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

/// An engine with tactics timed for the inputs and threads, and inputs for it.
struct Opened {
  std::shared_ptr<Engine> engine;
  std::vector<Tensor> inputs;
  double load_ms = 0;  // of an engine the opening alone, of a model the compilation too
};

Opened open(const Options& options, int threads) {
  Opened opened;
  const auto start = Clock::now();
  const bool is_engine = Engine::is_engine(options.model);
  if (is_engine) {
    opened.engine = Engine::load(options.model);
  } else {
    CompileRequest request;
    request.model = options.model;
    request.target = options.target;
    request.threads = {threads};
    request.on_the_fly = true;
    request.progress = progress_on_terminal();
    opened.engine = compile_model(request);
  }
  opened.load_ms = milliseconds_since(start);
  Engine& engine = *opened.engine;
  const Graph& graph = engine.graph();
  const auto shapes = [&] {
    if (!options.shapes.empty() || engine.profiles().empty())
      return profiles_of(graph, parse_profiles(options.shapes)).front();
    return engine.profiles().front();
  };
  opened.inputs =
      options.inputs.empty() ? draw_inputs(graph, shapes()) : read_inputs(graph, options.inputs);
  bind_inputs(graph, opened.inputs);  // what does not fit is refused before anything is timed
  const InputShapes concrete = shapes_of(opened.inputs);
  const auto has = [](const auto& list, const auto& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
  };
  if (has(engine.profiles(), concrete) && has(engine.threads(), threads)) return opened;
  CompileOptions tune;
  tune.profiles = {concrete};
  tune.threads = {threads};
  tune.timing_cache = load_timing_cache();
  engine.program().tune(tune);
  store_timing_cache(engine.program().timings());
  if (!is_engine) opened.load_ms = milliseconds_since(start);
  return opened;
}

/// Runs for the duration, three times at least; fills in the times.
void time_runs(Session& session, const std::vector<Tensor>& inputs, double duration,
               BenchResult& result) {
  std::vector<Tensor> outputs(session.engine().graph().outputs().size());
  const auto first = Clock::now();
  session.run(inputs, outputs);
  result.first_ms = milliseconds_since(first);
  const auto end = Clock::now() + std::chrono::duration<double>(duration);
  do {
    const auto before = Clock::now();
    session.run(inputs, outputs);
    result.sorted_ms.push_back(milliseconds_since(before));
  } while (Clock::now() < end || result.sorted_ms.size() < 3);
  std::sort(result.sorted_ms.begin(), result.sorted_ms.end());
  result.peak_resident_bytes = peak_resident_bytes();
}

/// So many callers run for the duration, each twice at least, after two runs that are not counted.
ConcurrentRuns time_concurrent_runs(Session& session, const std::vector<Tensor>& inputs,
                                    int callers, double duration) {
  std::vector<std::vector<double>> times(static_cast<size_t>(callers));
  std::vector<std::exception_ptr> failures(times.size());
  std::barrier ready(callers + 1);
  const auto call = [&](size_t caller) {
    std::vector<Tensor> outputs(session.engine().graph().outputs().size());
    try {
      session.run(inputs, outputs);
      session.run(inputs, outputs);  // what is recorded at the second run
    } catch (...) {
      failures[caller] = std::current_exception();
    }
    ready.arrive_and_wait();
    const auto end = Clock::now() + std::chrono::duration<double>(duration);
    try {
      do {
        const auto before = Clock::now();
        session.run(inputs, outputs);
        times[caller].push_back(milliseconds_since(before));
      } while (Clock::now() < end || times[caller].size() < 2);
    } catch (...) {
      failures[caller] = std::current_exception();
    }
  };
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < times.size(); ++i) threads.emplace_back(call, i);
  ready.arrive_and_wait();
  const auto start = Clock::now();
  threads.clear();
  const double seconds = 1e-3 * milliseconds_since(start);
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  std::vector<double> all;
  for (const auto& each : times) all.insert(all.end(), each.begin(), each.end());
  std::sort(all.begin(), all.end());
  return {callers, quantile_of(all, 0.5), static_cast<double>(all.size()) / seconds};
}

/// The steps of several profiled runs, each with its best time.
std::vector<StepReport> profiled_steps(Session& session, const std::vector<Tensor>& inputs) {
  std::vector<StepReport> steps = session.profile(inputs).steps;
  for (int round = 0; round < 4; ++round) {
    const PlanReport again = session.profile(inputs);
    for (size_t i = 0; i < steps.size(); ++i)
      steps[i].seconds = std::min(steps[i].seconds, again.steps[i].seconds);
  }
  return steps;
}

void describe(Session& session, const std::vector<Tensor>& inputs, BenchResult& result) {
  result.target = session.engine().target();
  result.requirement = target_named(result.target).device().requirement();
  result.precision = session.engine().info().precision;
  result.threads = session.threads();
  for (const Tensor& input : inputs)
    result.shapes += (result.shapes.empty() ? "" : ", ") + to_string(input.shape());
  if (!inputs.empty() && inputs[0].rank() > 0) {
    result.rows = inputs[0].dim(0);
    const auto is_colours = [](int64_t n) { return n == 1 || n == 3; };
    if (inputs[0].rank() == 4 && (is_colours(inputs[0].dim(1)) || is_colours(inputs[0].dim(3))))
      result.rows_are = "images";
  }
  result.winograd = true;
  for (const StepReport& step : session.report(inputs).steps) {
    const StepFigures figures = StepFigures::of(step, {});
    result.operations.add(figures.operations);
    result.executed_operations.add(figures.executed);
    if (figures.executed.sum() < figures.operations.sum())
      result.winograd &= step.tactic.find("winograd") != std::string::npos;
  }
}

void bench(const Options& options) {
  const int threads = options.threads > 0 ? options.threads : available_processors();
  if (options.peak) {
    print_device_rates(target_named(options.target), threads, options.json);
    return;
  }
  if (options.model.empty()) throw CLI::RequiredError("model");
  const Opened opened = open(options, threads);
  SessionOptions session_options;
  session_options.threads = threads;
  const auto start = Clock::now();
  Session session(opened.engine, session_options);
  BenchResult result;
  result.model = options.model;
  result.load_ms = opened.load_ms + milliseconds_since(start);
  time_runs(session, opened.inputs, options.duration, result);
  describe(session, opened.inputs, result);
  if (options.concurrency > 1) {
    result.concurrent =
        time_concurrent_runs(session, opened.inputs, options.concurrency, options.duration);
  }
  if (const auto seconds = session.device_seconds(opened.inputs, device_runs))
    result.device_ms = 1e3 * *seconds;
  if (!options.trace.empty())
    write_trace(options.trace, session.profile(opened.inputs), options.model);
  const bool profile = options.profile || !options.page.empty();
  if (profile) result.steps = profiled_steps(session, opened.inputs);
  // Last: it takes memory and empties the caches.
  const Device& device = target_named(result.target).device();
  result.rates = device.measure(threads, profile ? Device::Measure::all : Device::Measure::compute);
  for (int attempt = 0; attempt < 5 && result.is_suspect(); ++attempt)
    result.rates.keep_best(device.measure(threads, Device::Measure::compute));
  if (!options.page.empty()) write_page(options.page, result);
  if (!options.profile) result.steps.clear();
  if (options.json) {
    using Json = nlohmann::json;
    fmt::print("{}\n", result_json(result).dump(1, ' ', false, Json::error_handler_t::replace));
  } else {
    print_result(result);
  }
}

}  // namespace

void add_bench(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "bench", "Measure latency, throughput and memory, and where the time goes");
  command->footer(
      "Examples:\n  drawbar bench resnet50.engine --shape input=1x3x224x224 --threads 1 --duration "
      "5\n  drawbar bench resnet50.engine --profile --html resnet50.html\n  drawbar bench --peak");
  auto* model = command->add_option("model", options->model, "A model or an engine");
  command
      ->add_option("--input", options->inputs,
                   "NAME=FILE.npy, once per input (drawn where none is given)")
      ->take_all();
  command->add_option("--shape", options->shapes, "NAME=1x3x224x224 for drawn inputs")->take_all();
  command
      ->add_option("--target", options->target,
                   "What a model is compiled for, or --peak measures (see `drawbar targets`)")
      ->capture_default_str();
  command->add_option("--threads", options->threads, "Threads (all processors)")
      ->check(CLI::Range(1, 1024));
  command
      ->add_option("--concurrency", options->concurrency,
                   "Callers of one session at once, besides the one alone")
      ->check(CLI::Range(1, 1024));
  command->add_option("--duration", options->duration, "Seconds to measure")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_flag("--profile", options->profile, "Time every step, against the roofline");
  command->add_option("--trace", options->trace,
                      "Write the steps of one run for chrome://tracing or Perfetto (JSON)");
  command->add_option("--html", options->page,
                      "Write a page with the roofline and every step's share");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->add_flag("--peak", options->peak, "Measure this machine instead of a model")
      ->excludes(model);
  add_device_memory_option(*command);
  add_plugin_option(*command);
  command->callback([options] { bench(*options); });
}

}  // namespace drawbar::cli

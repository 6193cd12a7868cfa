#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <nlohmann/json.hpp>

#include "cli/bench_result.h"
#include "cli/command.h"
#include "cli/model.h"
#include "cli/precision.h"
#include "cli/samples.h"
#include "drawbar/session.h"
#include "import/importer.h"

namespace drawbar::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string model, dataset, preprocess;
  std::vector<std::string> precisions = {"fp32"};
  int threads = 0, class_offset = 0;
  bool json = false;
  PrecisionOptions precision;
};

/// One precision on the whole dataset.
struct Result {
  std::string precision;
  size_t images = 0, top1 = 0, top5 = 0;
  double seconds = 0;             // from the first file to the last answer
  std::vector<double> latencies;  // ms, of the model alone, the shortest first

  double quantile(double q) const { return quantile_of(latencies, q); }
  double model_seconds() const {
    double sum = 0;
    for (double ms : latencies) sum += ms / 1e3;
    return sum;
  }
  double share(size_t right) const {
    return static_cast<double>(right) / static_cast<double>(images);
  }
};

/// How many scores are above that of the class; of equal ones, those before it.
size_t rank_of(const Tensor& scores, int64_t label, const std::string& sample) {
  if (label < 0 || label >= scores.size()) {
    fail(ErrorCode::invalid_argument, "{}: class {}, the model has {}", sample, label,
         scores.size());
  }
  const double own = read_number(scores, label);
  size_t better = 0;
  for (int64_t i = 0; i < scores.size(); ++i) {
    const double other = read_number(scores, i);
    better += other > own || (other == own && i < label) || std::isnan(own);
  }
  return better;
}

/// The samples with an engine's way of making them of images, where the options say none.
std::unique_ptr<NamedSamples> open_dataset(const Options& options, const Graph& graph,
                                           const std::string& preprocess) {
  auto samples = open_samples(
      options.dataset, graph,
      {.preprocess = preprocess, .skip_unreadable = options.precision.skip_unreadable});
  if (samples->size() == 0)
    fail(ErrorCode::invalid_argument, "{}: no sample can be used", options.dataset);
  return samples;
}

Result evaluate(const Options& options, const std::shared_ptr<Engine>& engine,
                NamedSamples& samples) {
  Session session(engine, {.threads = options.threads});
  std::vector<int64_t> classes;  // before anything runs: a wrong name is told at once
  for (size_t i = 0; i < samples.size(); ++i)
    classes.push_back(samples.label(i) + options.class_offset);
  Result result{.precision = engine->info().precision};
  session.run(samples.sample(0));  // the plan is made, weights are in memory
  const auto progress = progress_on_terminal();
  const auto began = Clock::now();
  // The next image is decoded while the model runs.
  const auto read = [&](size_t i) {
    return std::async(std::launch::async, [&samples, i] { return samples.sample(i); });
  };
  auto next = read(0);
  for (size_t i = 0; i < samples.size(); ++i) {
    if (progress) progress("evaluating " + result.precision, i, samples.size());
    const std::vector<Tensor> inputs = next.get();
    if (i + 1 < samples.size()) next = read(i + 1);
    const auto start = Clock::now();
    const std::vector<Tensor> outputs = session.run(inputs);
    result.latencies.push_back(
        std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    const size_t better = rank_of(outputs.at(0), classes[i], samples.name(i));
    result.top1 += better < 1;
    result.top5 += better < 5;
    ++result.images;
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  std::sort(result.latencies.begin(), result.latencies.end());
  return result;
}

void print_table(const std::vector<Result>& results, int threads) {
  const auto n = static_cast<double>(results[0].images);
  fmt::print("{} images, one at a time, {} threads\n\n", results[0].images, threads);
  fmt::print("{:9}  {:>7}  {:>7}  {:>9}  {:>8}  {:>8}  {:>12}  {:>12}\n", "precision", "top-1",
             "top-5", "loss", "p50 ms", "p99 ms", "model img/s", "in all img/s");
  for (const Result& r : results) {
    const double loss = results[0].share(results[0].top1) - r.share(r.top1);
    fmt::print("{:9}  {:6.2f}%  {:6.2f}%  {:>9}  {:8.2f}  {:8.2f}  {:12.1f}  {:12.1f}\n",
               r.precision, 100 * r.share(r.top1), 100 * r.share(r.top5),
               &r == &results[0] ? "" : fmt::format("{:.2f}%", 100 * loss), r.quantile(0.5),
               r.quantile(0.99), n / r.model_seconds(), n / r.seconds);
  }
  fmt::print("\nmodel: the runs alone; in all: with decoding, which goes on beside them\n");
}

void print_json(const std::vector<Result>& results, int threads) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const Result& r : results) {
    const auto n = static_cast<double>(r.images);
    rows.push_back({{"precision", r.precision},
                    {"images", r.images},
                    {"top1", r.share(r.top1)},
                    {"top5", r.share(r.top5)},
                    {"p50_ms", r.quantile(0.5)},
                    {"p99_ms", r.quantile(0.99)},
                    {"model_images_per_second", n / r.model_seconds()},
                    {"images_per_second", n / r.seconds}});
  }
  fmt::print("{}\n", nlohmann::ordered_json{{"threads", threads}, {"results", rows}}.dump(1));
}

void eval(const Options& options) {
  std::vector<Result> results;
  const int threads = options.threads > 0 ? options.threads : available_processors();
  if (Engine::is_engine(options.model)) {
    const auto engine = Engine::load(options.model);
    const auto samples =
        open_dataset(options, engine->graph(),
                     options.preprocess.empty() ? engine->info().preprocess : options.preprocess);
    results.push_back(evaluate(options, engine, *samples));
  } else {
    for (const std::string& precision : options.precisions)
      check_precision(precision, options.precision);
    const Graph graph = import_model(options.model);
    const auto samples = open_dataset(options, graph, options.preprocess);
    CompileRequest request;
    request.model = options.model;
    request.threads = {threads};
    const std::vector<Tensor> first = samples->sample(0);
    auto& profile = request.profiles.emplace_back();
    for (size_t i = 0; i < first.size(); ++i)
      profile.emplace(graph.value(graph.inputs()[i]).name, first[i].shape());
    request.preprocess = options.preprocess;
    request.progress = progress_on_terminal();
    for (const std::string& precision : options.precisions) {
      const auto engine =
          compile_model(request, precision_steps(precision, options.precision, options.preprocess));
      results.push_back(evaluate(options, engine, *samples));
    }
  }
  options.json ? print_json(results, threads) : print_table(results, threads);
}

}  // namespace

void add_eval(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("eval", "Measure a classifier's accuracy and speed");
  command->footer(
      "Example:\n  drawbar eval efficientnet_lite0.onnx --preprocess efficientnet_lite --dataset "
      "images \\\n      --precision fp32,int8 --calibrate samples");
  command->add_option("model", options->model, "The model (.onnx) or engine")->required();
  command
      ->add_option(
          "--dataset", options->dataset,
          "A folder of images, .npy or .npz files whose names begin with the class's index and _; "
          "an .npz with an array 'label'; TFRecords")
      ->required();
  command
      ->add_option("--precision", options->precisions,
                   "fp32,int8: of a model, one after the other; an engine has its own")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--preprocess", options->preprocess,
                      "How images become inputs (see `drawbar compile --help`)");
  command->add_option("--class-offset", options->class_offset,
                      "Added to the index: 1 where the model's class 0 is background");
  command->add_option("--threads", options->threads, "Threads (all processors)");
  command->add_flag("--json", options->json, "For machines");
  add_precision_options(*command, options->precision);
  add_plugin_option(*command);
  command->callback([options] { eval(*options); });
}

}  // namespace drawbar::cli

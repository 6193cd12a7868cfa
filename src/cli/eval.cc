#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <future>

#include "cli/command.h"
#include "cli/eval_report.h"
#include "cli/labels.h"
#include "cli/model.h"
#include "cli/precision.h"
#include "cli/samples.h"
#include "drawbar/session.h"
#include "import/importer.h"

namespace drawbar::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string target = "cpu";
  std::string model, dataset, preprocess, labels, page;
  std::vector<std::string> precisions = {"fp32"};
  int threads = 0;
  bool json = false;
  PrecisionOptions precision;
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

/// `labels` is empty or a name for each class.
EvalResult evaluate(const Options& options, const std::shared_ptr<Engine>& engine,
                    NamedSamples& samples, const std::vector<int64_t>& classes,
                    const std::vector<std::string>& labels) {
  Session session(engine, {.threads = options.threads});
  EvalResult result{.precision = engine->info().precision};
  // The plan is made, weights are in memory.
  const std::vector<Tensor> answer = session.run(samples.sample(0));
  const auto check_labels = [&](const Tensor& scores) {
    if (options.labels.empty() || static_cast<int64_t>(labels.size()) == scores.size()) return;
    fail(ErrorCode::invalid_argument, "{}: {} names, the model has {} classes", options.labels,
         labels.size(), scores.size());
  };
  check_labels(answer.at(0));
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
    check_labels(outputs.at(0));
    const size_t better = rank_of(outputs[0], classes[i], samples.name(i));
    EvalResult::Count& of_class = result.classes[classes[i]];
    ++of_class.images;
    of_class.right += better < 1;
    result.top1 += better < 1;
    result.top5 += better < 5;
    ++result.images;
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  std::sort(result.latencies.begin(), result.latencies.end());
  return result;
}

void eval(const Options& options) {
  const int threads = options.threads > 0 ? options.threads : available_processors();
  EvalReport report{.model = options.model, .dataset = options.dataset, .threads = threads};
  if (!options.labels.empty()) report.labels = read_labels(options.labels);
  if (Engine::is_engine(options.model)) {
    const auto engine = Engine::load(options.model);
    const auto samples =
        open_dataset(options, engine->graph(),
                     options.preprocess.empty() ? engine->info().preprocess : options.preprocess);
    report.results.push_back(evaluate(options, engine, *samples,
                                      classes_of(*samples, options.precision.class_offset),
                                      report.labels));
  } else {
    for (const std::string& precision : options.precisions)
      check_precision(precision, options.precision);
    const Graph graph = import_model(options.model);
    const auto samples = open_dataset(options, graph, options.preprocess);
    CompileRequest request;
    request.model = options.model;
    request.target = options.target;
    request.threads = {threads};
    const std::vector<Tensor> first = samples->sample(0);
    const std::vector<int64_t> classes = classes_of(*samples, options.precision.class_offset);
    auto& profile = request.profiles.emplace_back();
    for (size_t i = 0; i < first.size(); ++i)
      profile.emplace(graph.value(graph.inputs()[i]).name, first[i].shape());
    request.preprocess = options.preprocess;
    request.progress = progress_on_terminal();
    for (const std::string& precision : options.precisions) {
      const auto engine = compile_model(
          request,
          precision_steps(precision, options.precision, options.preprocess, options.model));
      report.results.push_back(evaluate(options, engine, *samples, classes, report.labels));
    }
  }
  if (options.json) {
    using Json = nlohmann::json;
    fmt::print("{}\n", report_json(report).dump(1, ' ', false, Json::error_handler_t::replace));
  } else {
    print_table(report);
  }
  if (!options.page.empty()) write_page(options.page, report);
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
      ->add_option("--target", options->target,
                   "What a model is compiled for (see `drawbar targets`)")
      ->capture_default_str();
  command
      ->add_option(
          "--precision", options->precisions,
          "fp32,tf32,bf16,fp16,int8: of a model, one after the other; an engine has its own")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--preprocess", options->preprocess,
                      "How images become inputs (see `drawbar compile --help`)");
  command->add_option("--threads", options->threads, "Threads (all processors)");
  command->add_option("--labels", options->labels,
                      "Class names, one per line: shows which lost most in a further precision");
  command->add_option("--html", options->page,
                      "Write a page with accuracy against speed and all figures");
  command->add_flag("--json", options->json, "For machines");
  add_precision_options(*command, options->precision);
  add_device_memory_option(*command);
  add_plugin_option(*command);
  command->callback([options] { eval(*options); });
}

}  // namespace drawbar::cli

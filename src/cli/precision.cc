#include "cli/precision.h"

#include <algorithm>
#include <filesystem>

#include "cli/model.h"
#include "cli/precision_report.h"
#include "precision/half_weights.h"

namespace drawbar::cli {
namespace {

bool is_known(const PrecisionOptions& options) {
  return !options.cache.empty() && std::filesystem::exists(options.cache);
}

/// Says in the calibration which layers stay in f32, and in the report why.
ChoiceReport choose(const PrecisionOptions& options, const LossOptions& loss,
                    const std::string& model, const Graph& graph, SampleSource& samples,
                    Calibration& calibration) {
  ChoiceReport report{
      .model = model,
      .source = options.calibrate,
      .most_loss = most_loss(options),
      .by_accuracy = options.loss == "accuracy",
      .samples = samples.size(),
      .choice = choose_layers(
          graph, calibration, samples,
          {.most_loss = most_loss(options), .loss = loss, .progress = progress_on_terminal()})};
  print_choice(report);
  calibration.f32.clear();
  for (const LayerChoice& layer : report.choice.layers) {
    if (layer.in_f32) calibration.f32.insert(layer.name);
  }
  return report;
}

/// Quantises the prepared graph, with ranges from the cache file where there is one.
Graph quantize_as(const std::string& precision, const PrecisionOptions& options,
                  const std::string& preprocess, const std::string& model, Graph graph) {
  const bool chooses = precision == "auto";
  if (options.calibrate.empty() && (chooses || !is_known(options))) {
    fail(ErrorCode::invalid_argument, "--precision {} needs --calibrate SOURCE{}", precision,
         chooses ? "" : ", or --calibration-cache of an earlier one");
  }
  std::unique_ptr<NamedSamples> samples;
  if (chooses || !is_known(options)) samples = calibration_samples(options, preprocess, graph);
  const LossOptions loss = chooses ? loss_options(options, *samples) : LossOptions{};
  Calibration calibration = calibration_of(options, graph, samples.get());
  if (chooses) {
    const ChoiceReport report = choose(options, loss, model, graph, *samples, calibration);
    if (!options.cache.empty()) write_calibration(options.cache, calibration);
    if (!options.report.empty()) write_report(options.report, report);
  }
  return quantize(std::move(graph), calibration);
}

}  // namespace

double most_loss(const PrecisionOptions& options) {
  const std::string& text = options.most_loss;
  size_t read = 0;
  double share = -1;
  try {
    share = std::stod(text, &read);
  } catch (const std::exception&) {
    read = 0;
  }
  if (read > 0 && text.substr(read) == "%") {
    share /= 100;
    ++read;
  }
  if (read == 0 || read != text.size() || !(share >= 0 && share <= 1))
    fail(ErrorCode::invalid_argument, "--max-loss {}: expected a share like 0.5%", text);
  return share;
}

LossOptions loss_options(const PrecisionOptions& options, const NamedSamples& samples) {
  if (options.loss == "output") return {};
  return {.classes = classes_of(samples, options.class_offset)};
}

std::unique_ptr<NamedSamples> calibration_samples(const PrecisionOptions& options,
                                                  const std::string& preprocess,
                                                  const Graph& graph) {
  return open_samples(options.calibrate, graph,
                      {preprocess, options.samples, options.skip_unreadable});
}

Calibration calibration_of(const PrecisionOptions& options, const Graph& graph,
                           SampleSource* samples) {
  const bool known = is_known(options);
  const Activations activations = activations_named(options.activations);
  Calibration calibration = known ? read_calibration(options.cache)
                                  : calibrate(graph, *samples,
                                              {.calibrator = calibrator_named(options.calibrator),
                                               .activations = activations,
                                               .progress = progress_on_terminal()});
  if (known) {
    for (auto& [value, range] : calibration.ranges) range = spread(range, activations);
  } else if (!options.cache.empty()) {
    write_calibration(options.cache, calibration);
  }
  return calibration;
}

void add_precision_options(CLI::App& command, PrecisionOptions& options) {
  command.add_option(
      "--calibrate", options.calibrate,
      "For int8 and auto: typical inputs: a folder of images, .npy, .npz or TFRecord files, or one "
      ".npy, .npz or TFRecord file of many");
  command
      .add_option("--calibrator", options.calibrator,
                  "How ranges are chosen: min-max, percentile, mse, entropy")
      ->capture_default_str();
  command
      .add_option("--activations", options.activations,
                  "Where 0 lies among the 256 steps: asymmetric: anywhere; symmetric: in the "
                  "middle, or at the end where nothing is negative")
      ->capture_default_str();
  command.add_option("--calibration-samples", options.samples,
                     "Use so many, spread over the folder (all)");
  command.add_option("--calibration-cache", options.cache,
                     "The ranges as JSON: used if the file is there, else written");
  command
      .add_option("--max-loss", options.most_loss,
                  "For auto: what may be lost, as a share: of the outputs' energy, or of the "
                  "samples that are answered right")
      ->capture_default_str();
  command
      .add_option("--loss", options.loss,
                  "What --max-loss counts: output, or accuracy, which needs samples with classes")
      ->capture_default_str();
  command.add_option("--class-offset", options.class_offset,
                     "Added to samples' classes: 1 where the model's class 0 is background");
  command.add_flag("--skip-unreadable", options.skip_unreadable,
                   "Leave out files that cannot be used, naming them");
}

void check_precision(const std::string& precision, const PrecisionOptions& options) {
  constexpr std::string_view known[] = {"fp32", "tf32", "bf16", "fp16", "int8", "auto"};
  if (std::find(std::begin(known), std::end(known), precision) == std::end(known)) {
    fail(ErrorCode::unsupported, "--precision {}: expected fp32, tf32, bf16, fp16, int8 or auto",
         precision);
  }
  if (options.loss != "output" && options.loss != "accuracy")
    fail(ErrorCode::invalid_argument, "--loss {}: expected output or accuracy", options.loss);
  most_loss(options);
  calibrator_named(options.calibrator);
  activations_named(options.activations);
}

CompileSteps precision_steps(const std::string& precision, const PrecisionOptions& options,
                             const std::string& preprocess, const std::string& model) {
  CompileSteps steps;
  steps.precision = precision;
  if (precision == "int8" || precision == "auto") {
    steps.rewrite = [precision, &options, preprocess, model](Graph graph) {
      return quantize_as(precision, options, preprocess, model, std::move(graph));
    };
  }
  if (precision == "bf16" || precision == "fp16") {
    const ElementType half = precision == "bf16" ? ElementType::bf16 : ElementType::f16;
    steps.rewrite = [half](Graph graph) { return store_half(std::move(graph), half); };
  }
  return steps;
}

}  // namespace drawbar::cli

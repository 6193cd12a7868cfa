#include "cli/precision.h"

#include <filesystem>

#include "cli/model.h"
#include "cli/samples.h"
#include "precision/choose.h"
#include "precision/half_weights.h"
#include "precision/quantize.h"

namespace drawbar::cli {
namespace {

/// "0.5%" or "0.005".
double share_of(const std::string& text) {
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

void print_choice(const PrecisionChoice& choice) {
  fmt::print(stderr, "{:<8} {:>10} {:>9} {:>9} {:>9}  {:<7} {}\n", "", "loss", "f32 ms", "int8 ms",
             "gain ms", "op", "layer");
  for (const LayerChoice& layer : choice.layers) {
    fmt::print(stderr, "{:<8} {:>9.4f}% {:>9.3f} {:>9.3f} {:>9.3f}  {:<7} {}\n",
               layer.in_f32 ? "f32" : "int8", 100 * layer.loss, layer.f32_ms, layer.byte_ms,
               layer.gain_ms(), layer.op, layer.name);
  }
  for (const Trial& trial : choice.trials) {
    fmt::print(stderr, "{:>4} of {} layers in f32: loss {:.4f}%\n", trial.in_f32,
               choice.layers.size(), 100 * trial.loss);
  }
  fmt::print(stderr, "chosen: loss {:.4f}% on {} samples\n", 100 * choice.loss, choice.samples);
}

/// Says in the calibration which layers stay in f32.
void choose(const PrecisionOptions& options, const Graph& graph, SampleSource& samples,
            Calibration& calibration) {
  const PrecisionChoice choice =
      choose_layers(graph, calibration, samples,
                    {.most_loss = share_of(options.most_loss), .progress = progress_on_terminal()});
  print_choice(choice);
  calibration.f32.clear();
  for (const LayerChoice& layer : choice.layers) {
    if (layer.in_f32) calibration.f32.insert(layer.name);
  }
}

/// Quantises the prepared graph, with ranges from the cache file where there is one.
Graph quantize_as(const std::string& precision, const PrecisionOptions& options,
                  const std::string& preprocess, Graph graph) {
  const bool chooses = precision == "auto";
  const bool known = !options.cache.empty() && std::filesystem::exists(options.cache);
  if (options.calibrate.empty() && (chooses || !known)) {
    fail(ErrorCode::invalid_argument, "--precision {} needs --calibrate SOURCE{}", precision,
         chooses ? "" : ", or --calibration-cache of an earlier one");
  }
  std::unique_ptr<NamedSamples> samples;
  if (chooses || !known) {
    samples = open_samples(options.calibrate, graph,
                           {preprocess, options.samples, options.skip_unreadable});
  }
  const Activations activations = activations_named(options.activations);
  Calibration calibration = known ? read_calibration(options.cache)
                                  : calibrate(graph, *samples,
                                              {.calibrator = calibrator_named(options.calibrator),
                                               .activations = activations,
                                               .progress = progress_on_terminal()});
  for (auto& [value, range] : calibration.ranges) range = spread(range, activations);
  if (chooses) choose(options, graph, *samples, calibration);
  if (!options.cache.empty() && (chooses || !known)) write_calibration(options.cache, calibration);
  return quantize(std::move(graph), calibration);
}

}  // namespace

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
                  "For auto: the energy of outputs that may be lost, as a share of f32's")
      ->capture_default_str();
  command.add_flag("--skip-unreadable", options.skip_unreadable,
                   "Leave out files that cannot be used, naming them");
}

void check_precision(const std::string& precision, const PrecisionOptions& options) {
  if (precision != "fp32" && precision != "bf16" && precision != "fp16" && precision != "int8" &&
      precision != "auto") {
    fail(ErrorCode::unsupported, "--precision {}: expected fp32, bf16, fp16, int8 or auto",
         precision);
  }
  share_of(options.most_loss);
  calibrator_named(options.calibrator);
  activations_named(options.activations);
}

CompileSteps precision_steps(const std::string& precision, const PrecisionOptions& options,
                             const std::string& preprocess) {
  CompileSteps steps;
  steps.precision = precision;
  if (precision == "int8" || precision == "auto") {
    steps.rewrite = [precision, &options, preprocess](Graph graph) {
      return quantize_as(precision, options, preprocess, std::move(graph));
    };
  }
  if (precision == "bf16" || precision == "fp16") {
    const ElementType half = precision == "bf16" ? ElementType::bf16 : ElementType::f16;
    steps.rewrite = [half](Graph graph) { return store_half(std::move(graph), half); };
  }
  return steps;
}

}  // namespace drawbar::cli

#include "cli/precision.h"

#include <filesystem>

#include "cli/model.h"
#include "cli/samples.h"
#include "precision/quantize.h"

namespace drawbar::cli {
namespace {

/// Quantises the prepared graph, with ranges from the cache file where there is one.
Graph quantize_as(const PrecisionOptions& options, const std::string& preprocess, Graph graph) {
  Calibration calibration;
  if (!options.cache.empty() && std::filesystem::exists(options.cache)) {
    calibration = read_calibration(options.cache);
  } else if (options.calibrate.empty()) {
    fail(ErrorCode::invalid_argument,
         "--precision int8 needs --calibrate SOURCE, or --calibration-cache of an earlier one");
  } else {
    const auto samples = open_samples(options.calibrate, graph,
                                      {preprocess, options.samples, options.skip_unreadable});
    calibration = calibrate(graph, quantized_values(graph), *samples,
                            calibrator_named(options.calibrator), progress_on_terminal());
    if (!options.cache.empty()) write_calibration(options.cache, calibration);
  }
  return quantize(std::move(graph), calibration);
}

}  // namespace

void add_precision_options(CLI::App& command, PrecisionOptions& options) {
  command.add_option(
      "--calibrate", options.calibrate,
      "For int8: typical inputs: a folder of images, .npy, .npz or TFRecord files, or one "
      ".npy, .npz or TFRecord file of many");
  command
      .add_option("--calibrator", options.calibrator,
                  "How ranges are chosen: min-max, percentile, mse, entropy")
      ->capture_default_str();
  command.add_option("--calibration-samples", options.samples,
                     "Use so many, spread over the folder (all)");
  command.add_option("--calibration-cache", options.cache,
                     "The ranges as JSON: used if the file is there, else written");
  command.add_flag("--skip-unreadable", options.skip_unreadable,
                   "Leave out files that cannot be used, naming them");
}

void check_precision(const std::string& precision, const PrecisionOptions& options) {
  if (precision != "fp32" && precision != "int8")
    fail(ErrorCode::unsupported, "--precision {}: expected fp32 or int8", precision);
  calibrator_named(options.calibrator);
}

CompileSteps precision_steps(const std::string& precision, const PrecisionOptions& options,
                             const std::string& preprocess) {
  CompileSteps steps;
  steps.precision = precision;
  if (precision == "int8") {
    steps.rewrite = [&options, preprocess](Graph graph) {
      return quantize_as(options, preprocess, std::move(graph));
    };
  }
  return steps;
}

}  // namespace drawbar::cli

#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/samples.h"
#include "engine/compile.h"
#include "precision/loss.h"

namespace drawbar::cli {

/// The options that say how a model in f32 becomes bytes.
struct PrecisionOptions {
  std::string calibrate, calibrator = "mse", activations = "asymmetric", cache;
  size_t samples = 0;
  bool skip_unreadable = false;
  std::string most_loss = "0.5%", loss = "output";
  int class_offset = 0;
  std::string report;  // of what auto chose; a page, or JSON where it ends so
};

void add_precision_options(CLI::App& command, PrecisionOptions& options);

/// fp32, tf32, bf16, fp16, int8 or auto. Throws UNSUPPORTED for another precision, INVALID_ARGUMENT
/// for another option.
void check_precision(const std::string& precision, const PrecisionOptions& options);

/// The loss that `--max-loss` allows, as a share.
double most_loss(const PrecisionOptions& options);

/// How `--loss` is measured on these samples.
LossOptions loss_options(const PrecisionOptions& options, const NamedSamples& samples);

/// The samples of `--calibrate` for a prepared graph; images through `preprocess`.
std::unique_ptr<NamedSamples> calibration_samples(const PrecisionOptions& options,
                                                  const std::string& preprocess,
                                                  const Graph& graph);

/// The ranges of a prepared graph: the cache file's where it is there, else those of the samples,
/// written to the cache. `samples` may be null where the file is there.
Calibration calibration_of(const PrecisionOptions& options, const Graph& graph,
                           SampleSource* samples);

/// The rewriting that compiling `model` for a precision takes (see check_precision);
/// `preprocess` is for calibration images. `options` must outlive the steps.
CompileSteps precision_steps(const std::string& precision, const PrecisionOptions& options,
                             const std::string& preprocess, const std::string& model);

}  // namespace drawbar::cli

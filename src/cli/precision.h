#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "engine/compile.h"

namespace drawbar::cli {

/// The options that say how a model in f32 becomes bytes.
struct PrecisionOptions {
  std::string calibrate, calibrator = "mse", activations = "asymmetric", cache;
  size_t samples = 0;
  bool skip_unreadable = false;
  std::string most_loss = "0.5%";
};

void add_precision_options(CLI::App& command, PrecisionOptions& options);

/// Throws UNSUPPORTED for a precision that there is not, INVALID_ARGUMENT for another option.
void check_precision(const std::string& precision, const PrecisionOptions& options);

/// The rewriting that compiling for a precision takes (fp32, bf16, fp16, int8 or auto);
/// `preprocess` is for calibration images. `options` must outlive the steps.
CompileSteps precision_steps(const std::string& precision, const PrecisionOptions& options,
                             const std::string& preprocess);

}  // namespace drawbar::cli

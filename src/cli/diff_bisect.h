#pragma once

#include <string>

#include "cli/precision.h"

namespace drawbar::cli {

struct BisectRequest {
  std::string model, preprocess;
  bool json = false;
  const PrecisionOptions& precision;
};

/// Prints the smallest set of layers that explains what the model loses in int8 on the calibration
/// samples, and how to keep it in f32.
void bisect(const BisectRequest& request);

}  // namespace drawbar::cli

#pragma once

#include "targets/cuda/libraries/cudnn_plan.h"

namespace drawbar::cuda {

/// For tests: GPUs that are not here, as cuDNN writes them down.
extern const CudnnDeviceProperties a100, h200;

/// Whether cuDNN plans for them here. Where there is no driver it is given one without a device,
/// which takes the code of cuDNN's compiled engines.
bool plans_elsewhere();

}  // namespace drawbar::cuda

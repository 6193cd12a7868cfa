#pragma once

#include "targets/cuda/gpu.h"

namespace drawbar::cuda {

/// The GPU of that number, or why there is none.
FoundGpu device_gpu(int number);

}  // namespace drawbar::cuda

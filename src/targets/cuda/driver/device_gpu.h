#pragma once

#include "targets/cuda/gpu.h"

namespace drawbar::cuda {

/// The numbers of the driver's devices that have the name of the first one, with itself; empty
/// where there is none.
std::vector<int> devices_like_the_first();

/// The GPU of that number, or why there is none.
FoundGpu device_gpu(int index);

}  // namespace drawbar::cuda

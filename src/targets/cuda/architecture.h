#pragma once

#include <string_view>

#include "targets/cuda/gpu.h"

namespace drawbar::cuda {

/// A GPU of that architecture ("sm_90") as its maker describes it, to compile for where there is
/// none. Throws INVALID_ARGUMENT for a name that is none.
GpuInfo typical_gpu(std::string_view architecture);

}  // namespace drawbar::cuda

#pragma once

#include <string>
#include <vector>

#include "targets/cuda/gpu.h"

namespace drawbar::cuda {

/// Where a library is looked for: in the folders that the environment variable
/// DRAWBAR_CUDA_LIBRARIES lists (with colons between them; Python's packages have theirs in
/// site-packages/nvidia/cudnn/lib and nvidia/cublas/lib or nvidia/cu13/lib), then where the system
/// looks. Every folder is tried for a name before the next name is.
std::vector<std::string> in_library_folders(const std::vector<std::string>& names);

/// Whether this process has the device that `gpu` tells of. Libraries plan and run on that one
/// alone; what is compiled for a GPU that is elsewhere ("--arch sm_90"), or emulated, does without
/// them.
bool is_this_device(const GpuInfo& gpu);

}  // namespace drawbar::cuda

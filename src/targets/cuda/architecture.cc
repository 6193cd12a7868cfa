#include "targets/cuda/architecture.h"

#include <algorithm>

#include "base/error.h"

namespace drawbar::cuda {
namespace {

/// From the data sheets of the largest common GPU of each.
const GpuInfo known[] = {
    {"T4", "sm_75", 40, int64_t{16} << 30, 4 << 20, 3.2e11, 8.1e12, 6.5e13, 1.2e10, 2.0e-6},
    {"A100", "sm_80", 108, int64_t{40} << 30, 40 << 20, 1.55e12, 1.95e13, 3.12e14, 2.4e10, 1.8e-6},
    {"A10", "sm_86", 72, int64_t{24} << 30, 6 << 20, 6.0e11, 3.1e13, 1.25e14, 2.4e10, 1.8e-6},
    {"L4", "sm_89", 58, int64_t{24} << 30, 48 << 20, 3.0e11, 3.0e13, 1.21e14, 2.4e10, 1.8e-6},
    {"H200", "sm_90", 132, int64_t{141} << 30, 50 << 20, 4.8e12, 6.7e13, 9.9e14, 4.0e10, 1.5e-6},
    {"B200", "sm_100", 148, int64_t{180} << 30, 126 << 20, 8.0e12, 7.5e13, 2.25e15, 4.0e10, 1.5e-6},
};

}  // namespace

GpuInfo typical_gpu(std::string_view architecture) {
  const auto found = std::find_if(std::begin(known), std::end(known), [&](const GpuInfo& gpu) {
    return gpu.architecture == architecture;
  });
  if (found != std::end(known)) return *found;
  std::string names;
  for (const GpuInfo& gpu : known) names += (names.empty() ? "" : ", ") + gpu.architecture;
  fail(ErrorCode::invalid_argument, "architecture '{}' is none of {}", architecture, names);
}

}  // namespace drawbar::cuda

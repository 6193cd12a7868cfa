#include "targets/cuda/device.h"

#include "base/error.h"
#include "targets/cuda/gpu.h"
#include "targets/target.h"

namespace drawbar::cuda {

std::string CudaDevice::description() const {
  const FoundGpu& found = this_gpu();
  if (!found.gpu) return found.reason;
  const GpuInfo& info = found.gpu->info();
  return fmt::format("{}, {}, {} multiprocessors, {:.0f} GiB", info.name, info.architecture,
                     info.multiprocessors, static_cast<double>(info.memory_bytes) / (1 << 30));
}

std::string CudaDevice::requirement() const { return host_target().device().requirement(); }

bool CudaDevice::satisfies(std::string_view requirement) const {
  return host_target().device().satisfies(requirement);
}

DeviceRates CudaDevice::measure(int threads, Measure) const {
  DeviceRates rates;
  rates.threads = threads;
  if (const FoundGpu& found = this_gpu(); found.gpu) {
    const GpuInfo& info = found.gpu->info();
    rates.compute.push_back({"f32", info.f32_operations});
    rates.compute.push_back({"f16 on the matrix units", info.half_operations});
    rates.byte_operations = 2 * info.half_operations;
    rates.memory.push_back({"device memory", 0, info.bandwidth, info.bandwidth});
  }
  return rates;
}

void CudaDevice::limit_memory(int64_t bytes) const {
  const FoundGpu& found = this_gpu();
  if (!found.gpu) fail(ErrorCode::unavailable, "target cuda: {}", found.reason);
  found.gpu->limit_memory(bytes);
}

}  // namespace drawbar::cuda

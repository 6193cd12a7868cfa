#include "targets/cuda/device.h"

#include "base/checked.h"
#include "base/error.h"
#include "targets/cuda/gpu.h"
#include "targets/target.h"

namespace drawbar::cuda {

namespace {

const std::shared_ptr<Gpu>& gpu_at(const Place& place) {
  const FoundGpu& found = this_gpu();
  if (!found.gpu) fail(ErrorCode::unavailable, "{}: {}", to_string(place), found.reason);
  for (int index : gpu_indices()) {
    if (place == Place{Place::Kind::cuda, index}) return gpu(index);
  }
  fail(ErrorCode::unavailable, "there is no {} of the kind of the first device ({})",
       to_string(place), found.gpu->info().name);
}

}  // namespace

std::string CudaDevice::description() const {
  const FoundGpu& found = this_gpu();
  if (!found.gpu) return found.reason;
  const GpuInfo& info = found.gpu->info();
  const size_t count = gpu_indices().size();
  return fmt::format("{}{}, {}, {} multiprocessors, {:.0f} GiB",
                     count > 1 ? fmt::format("{} × ", count) : "", info.name, info.architecture,
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
  limit_memory_of_gpus(bytes);
}

std::vector<Place> CudaDevice::memories() const {
  std::vector<Place> places;
  for (int index : gpu_indices()) places.push_back({Place::Kind::cuda, index});
  return places;
}

Tensor CudaDevice::allocate(const Place& place, ElementType type, Shape shape) const {
  const std::shared_ptr<Gpu>& owner = gpu_at(place);
  if (type == ElementType::string)
    fail(ErrorCode::invalid_argument, "strings cannot lie on {}", to_string(place));
  const size_t bytes = static_cast<size_t>(storage_bytes(type, element_count(shape)));
  const std::shared_ptr<void> memory = owner->allocate(bytes);
  return Tensor::view(type, std::move(shape), memory.get(), memory, place);
}

void CudaDevice::copy(const Tensor& from, Tensor& to) const {
  const size_t bytes = static_cast<size_t>(from.bytes());
  // Of the device that is read, where both are devices.
  const std::shared_ptr<Stream> stream =
      gpu_at(from.is_on_host() ? to.place() : from.place())->make_stream();
  if (from.is_on_host()) {
    stream->copy_to_device(to.raw(), from.raw(), bytes);
  } else if (to.is_on_host()) {
    stream->copy_to_host(to.raw(), from.raw(), bytes);
  } else {
    gpu_at(to.place());
    stream->copy_on_device(to.raw(), from.raw(), bytes);
  }
  stream->synchronize();
}

}  // namespace drawbar::cuda

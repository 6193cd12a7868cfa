#include "targets/cuda/device_constants.h"

namespace drawbar::cuda {

std::shared_ptr<void> DeviceConstants::bring(const std::string& key, const void* data, size_t bytes,
                                             std::shared_ptr<const std::byte> source) {
  const std::lock_guard lock(mutex_);
  Held& held = held_[key];
  if (!held.memory) {
    const std::shared_ptr<void> memory = gpu_->allocate(bytes);
    if (!stream_) stream_ = gpu_->make_stream();
    stream_->copy_to_device(memory.get(), data, bytes);
    stream_->synchronize();
    held = {memory, std::move(source), bytes};
  }
  return held.memory;
}

std::shared_ptr<void> DeviceConstants::get(const ConstantPtr& constant) {
  const Tensor& tensor = constant->tensor();
  return bring(constant->hash().hex(), tensor.raw(), static_cast<size_t>(tensor.bytes()), {});
}

std::shared_ptr<void> DeviceConstants::get(const PackedBuffer& buffer) {
  return bring(fmt::format("{} {}", fmt::ptr(buffer.data.get()), buffer.bytes), buffer.data.get(),
               buffer.bytes, buffer.data);
}

std::shared_ptr<DeviceConstants> ConstantsByDevice::on(const std::shared_ptr<Gpu>& gpu) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<DeviceConstants>& constants = held_[gpu->info().index];
  if (!constants) constants = std::make_shared<DeviceConstants>(gpu);
  return constants;
}

size_t DeviceConstants::bytes() const {
  const std::lock_guard lock(mutex_);
  size_t total = 0;
  for (const auto& [key, held] : held_) total += held.bytes;
  return total;
}

}  // namespace drawbar::cuda

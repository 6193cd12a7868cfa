#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "targets/cuda/tactic.h"

namespace drawbar::cuda {

/// Constants in the memory of a device, each brought there once and shared by the plans of a
/// program. Thread-safe.
class DeviceConstants {
 public:
  explicit DeviceConstants(std::shared_ptr<Gpu> gpu) : gpu_(std::move(gpu)) {}

  /// The constant as it came.
  std::shared_ptr<void> get(const ConstantPtr& constant);
  std::shared_ptr<void> get(const PackedBuffer& buffer);
  size_t bytes() const;

 private:
  struct Held {
    std::shared_ptr<void> memory;
    std::shared_ptr<const std::byte> source;  // kept, so that its address stays its name
    size_t bytes = 0;
  };
  std::shared_ptr<void> bring(const std::string& key, const void* data, size_t bytes,
                              std::shared_ptr<const std::byte> source);

  std::shared_ptr<Gpu> gpu_;
  std::shared_ptr<Stream> stream_;  // made for the first constant
  mutable std::mutex mutex_;
  std::map<std::string, Held> held_;
};

/// The constants of a program on each GPU that runs it. Thread-safe.
class ConstantsByDevice {
 public:
  std::shared_ptr<DeviceConstants> on(const std::shared_ptr<Gpu>& gpu);

 private:
  std::mutex mutex_;
  std::map<int, std::shared_ptr<DeviceConstants>> held_;  // by the GPU's index
};

}  // namespace drawbar::cuda

#include "targets/device.h"

#include <algorithm>

#include "base/error.h"

namespace drawbar {
namespace {

double moving_seconds(const MemoryRate* level, double bytes) {
  return level && level->read > 0 ? bytes / level->read : 0;
}

}  // namespace

const MemoryRate* DeviceRates::level_of(double bytes) const {
  for (const MemoryRate& level : memory) {
    if (level.capacity == 0 || bytes <= static_cast<double>(level.capacity)) return &level;
  }
  return memory.empty() ? nullptr : &memory.back();
}

double DeviceRates::least_seconds(const Operations& operations) const {
  const double bytes_rate = byte_operations > 0 ? byte_operations : peak();
  return peak() > 0 ? operations.others / peak() + operations.bytes / bytes_rate : 0;
}

double DeviceRates::least_seconds(const Operations& operations, double bytes) const {
  return std::max(least_seconds(operations), moving_seconds(level_of(bytes), bytes));
}

std::string DeviceRates::bound(const Operations& operations, double bytes) const {
  const MemoryRate* level = level_of(bytes);
  const double computing = least_seconds(operations);
  const double moving = moving_seconds(level, bytes);
  if (computing == 0 && moving == 0) return "";
  return computing >= moving ? "compute" : level->level;
}

void DeviceRates::keep_best(const DeviceRates& again) {
  byte_operations = std::max(byte_operations, again.byte_operations);
  for (size_t i = 0; i < std::min(compute.size(), again.compute.size()); ++i)
    compute[i].operations = std::max(compute[i].operations, again.compute[i].operations);
}

bool DeviceRates::is_impossible(const Operations& operations, double seconds) const {
  return 1.05 * seconds < least_seconds(operations);
}

Tensor Device::allocate(const Place& place, ElementType, Shape) const {
  fail(ErrorCode::invalid_argument, "there is no memory {}: {}", to_string(place), description());
}

void Device::copy(const Tensor& from, Tensor& to) const {
  fail(ErrorCode::invalid_argument, "nothing can be copied from {} to {}: {}",
       to_string(from.place()), to_string(to.place()), description());
}

void Device::limit_memory(int64_t) const {
  fail(ErrorCode::invalid_argument, "{} has no memory of its own to limit", description());
}

}  // namespace drawbar

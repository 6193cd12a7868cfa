#include "targets/device.h"

#include <algorithm>

namespace drawbar {
namespace {

double computing_seconds(const DeviceRates& rates, double operations) {
  return rates.peak() > 0 ? operations / rates.peak() : 0;
}

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

double DeviceRates::attainable(double operations, double bytes) const {
  const double seconds = least_seconds(operations, bytes);
  return seconds > 0 ? operations / seconds : 0;
}

double DeviceRates::least_seconds(double operations, double bytes) const {
  return std::max(computing_seconds(*this, operations), moving_seconds(level_of(bytes), bytes));
}

std::string DeviceRates::bound(double operations, double bytes) const {
  const MemoryRate* level = level_of(bytes);
  const double computing = computing_seconds(*this, operations);
  const double moving = moving_seconds(level, bytes);
  if (computing == 0 && moving == 0) return "";
  return computing >= moving ? "compute" : level->level;
}

void DeviceRates::keep_best(const DeviceRates& again) {
  for (size_t i = 0; i < std::min(compute.size(), again.compute.size()); ++i)
    compute[i].operations = std::max(compute[i].operations, again.compute[i].operations);
}

bool DeviceRates::is_impossible(double operations_per_second) const {
  return peak() > 0 && operations_per_second > 1.05 * peak();
}

}  // namespace drawbar

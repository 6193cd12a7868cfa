#pragma once

#include "targets/device.h"

namespace drawbar::cpu {

/// This machine's processors and memory.
class CpuDevice final : public Device {
 public:
  std::string description() const override;
  std::string requirement() const override;
  bool satisfies(std::string_view requirement) const override;
  DeviceRates measure(int threads, Measure what) const override;
};

}  // namespace drawbar::cpu

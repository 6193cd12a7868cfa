#pragma once

#include "targets/device.h"

namespace drawbar::cuda {

/// The GPUs of this process, or the reason why there is none.
class CudaDevice final : public Device {
 public:
  std::string description() const override;
  /// Of the processor beside it, for what is left there; code for another GPU is compiled when an
  /// engine is opened.
  std::string requirement() const override;
  bool satisfies(std::string_view requirement) const override;
  DeviceRates measure(int threads, Measure what) const override;
  void limit_memory(int64_t bytes) const override;
  std::vector<Place> memories() const override;
  Tensor allocate(const Place& place, ElementType type, Shape shape) const override;
  void copy(const Tensor& from, Tensor& to) const override;
};

}  // namespace drawbar::cuda

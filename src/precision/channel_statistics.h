#pragma once

#include <vector>

#include "base/tensor.h"
#include "precision/calibrate.h"

namespace drawbar {

/// The axis of a value's channels: 1 of images and volumes, else the last.
int64_t channel_axis(int64_t rank);

/// What was seen of each channel of a value. `low` is at most 0 and `high` at least.
struct ChannelStatistics {
  std::vector<float> low, high;
  std::vector<double> sum, squares;
  std::vector<int64_t> rounded;  // numbers but 0, which is exact in bytes
  int64_t count = 0;             // of numbers in one channel

  /// False when something is not finite.
  bool add(const Tensor& seen);
  size_t channels() const { return sum.size(); }
  double mean(size_t channel) const;
  double variance(size_t channel) const;
  double share_rounded(size_t channel) const;
  /// Of the value with its channels divided by these factors (none: as it is).
  Range range(const std::vector<float>& factors) const;
};

}  // namespace drawbar

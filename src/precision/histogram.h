#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "precision/calibrate.h"

namespace drawbar {

/// How often a value was where, between the smallest and the largest number of it. Zeros do not
/// count: every range holds 0 exactly, and after an
/// activation most numbers are 0.
class Histogram {
 public:
  static constexpr size_t bins = 4096;

  explicit Histogram(Range all) : low_(all.low), high_(all.high) {}
  void count(std::span<const float> numbers);

  /// The range that the calibrator chooses for 256 steps; it holds 0.
  Range range(Calibrator calibrator) const;

 private:
  float width() const { return (high_ - low_) / static_cast<float>(bins); }
  Range percentile(double outside) const;
  Range smallest_squares() const;
  Range most_information() const;
  double squares_lost(Range range) const;
  double information_lost(size_t first, size_t last) const;
  float edge(size_t bin) const { return low_ + width() * static_cast<float>(bin); }

  float low_ = 0, high_ = 0;
  std::array<uint64_t, bins> counts_{};
};

}  // namespace drawbar

#include "precision/histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace drawbar {
namespace {

constexpr double outside_percentile = 1e-4;
constexpr size_t steps = 256;
constexpr int candidates = 40;  // ranges tried on either side, from all of it to a twentieth

}  // namespace

void Histogram::count(std::span<const float> numbers) {
  if (!(width() > 0)) return;
  const float scale = 1 / width();
  for (float x : numbers) {
    if (x == 0) continue;
    const float place = (x - low_) * scale;
    const auto bin = static_cast<size_t>(std::clamp(place, 0.0f, static_cast<float>(bins - 1)));
    ++counts_[bin];
  }
}

Range Histogram::range(Calibrator calibrator) const {
  Range range{low_, high_};
  if (width() > 0) {
    if (calibrator == Calibrator::percentile) range = percentile(outside_percentile);
    if (calibrator == Calibrator::mse) range = smallest_squares();
    if (calibrator == Calibrator::entropy) range = most_information();
  }
  return {std::min(range.low, 0.0f), std::max(range.high, 0.0f)};
}

Range Histogram::percentile(double outside) const {
  const auto total = std::accumulate(counts_.begin(), counts_.end(), uint64_t{0});
  const auto cut = static_cast<uint64_t>(outside * static_cast<double>(total));
  size_t first = 0, last = bins;
  for (uint64_t below = 0; first < bins && below + counts_[first] <= cut; ++first)
    below += counts_[first];
  for (uint64_t above = 0; last > first + 1 && above + counts_[last - 1] <= cut; --last)
    above += counts_[last - 1];
  return {edge(first), edge(last)};
}

/// Of the counts as they are, each at the middle of its bin: clipping exactly, rounding as an even
/// distribution within a step.
double Histogram::squares_lost(Range range) const {
  const double step = (static_cast<double>(range.high) - range.low) / (steps - 1);
  double lost = 0;
  for (size_t bin = 0; bin < bins; ++bin) {
    if (counts_[bin] == 0) continue;
    const double x = edge(bin) + 0.5 * width();
    const double clipped = std::clamp<double>(x, range.low, range.high) - x;
    lost +=
        static_cast<double>(counts_[bin]) * (clipped != 0 ? clipped * clipped : step * step / 12);
  }
  return lost;
}

Range Histogram::smallest_squares() const {
  Range best{low_, high_};
  double least = squares_lost(best);
  for (int i = 1; i <= candidates; ++i) {
    const float upper = high_ * static_cast<float>(i) / candidates;
    for (int j = low_ < 0 ? 1 : candidates; j <= candidates; ++j) {
      const Range tried{low_ * static_cast<float>(j) / candidates, upper};
      const double lost = squares_lost(tried);
      if (lost < least) {
        least = lost;
        best = tried;
      }
    }
  }
  return best;
}

/// The Kullback-Leibler divergence of what 256 steps over the bins [first, last) can tell from the
/// distribution clipped to them.
double Histogram::information_lost(size_t first, size_t last) const {
  const size_t count = last - first;
  std::vector<double> clipped(counts_.begin() + static_cast<std::ptrdiff_t>(first),
                              counts_.begin() + static_cast<std::ptrdiff_t>(last));
  const auto sum = [&](size_t from, size_t to) {
    return static_cast<double>(std::accumulate(counts_.begin() + static_cast<std::ptrdiff_t>(from),
                                               counts_.begin() + static_cast<std::ptrdiff_t>(to),
                                               uint64_t{0}));
  };
  std::vector<double> told(count);
  double total_told = 0;
  for (size_t step = 0; step < steps; ++step) {
    const size_t from = step * count / steps, to = (step + 1) * count / steps;
    double all = 0;
    size_t used = 0;
    for (size_t i = from; i < to; ++i) {
      all += clipped[i];
      used += clipped[i] > 0;
    }
    for (size_t i = from; i < to; ++i) {
      if (clipped[i] > 0) told[i] = all / static_cast<double>(used);
    }
    total_told += all;
  }
  clipped.front() += sum(0, first);
  clipped.back() += sum(last, bins);
  const double total = sum(0, bins);
  if (!(total_told > 0)) return HUGE_VAL;
  double lost = 0;
  for (size_t i = 0; i < count; ++i) {
    if (clipped[i] == 0) continue;
    const double p = clipped[i] / total, q = std::max(told[i] / total_told, 1e-9);
    lost += p * std::log(p / q);
  }
  return lost;
}

Range Histogram::most_information() const {
  const auto zero = static_cast<size_t>(
      std::clamp(std::nearbyint(-low_ / width()), 0.0f, static_cast<float>(bins)));
  size_t best_first = 0, best_last = bins;
  double least = HUGE_VAL;
  for (int i = candidates; i >= 2; --i) {
    const auto part = static_cast<size_t>(i);
    const size_t first = zero - zero * part / candidates,
                 last = zero + (bins - zero) * part / candidates;
    if (last - first < steps) break;
    const double lost = information_lost(first, last);
    if (lost < least) {
      least = lost;
      best_first = first;
      best_last = last;
    }
  }
  return {edge(best_first), edge(best_last)};
}

}  // namespace drawbar

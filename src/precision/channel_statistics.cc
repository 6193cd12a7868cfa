#include "precision/channel_statistics.h"

#include <algorithm>
#include <cmath>

#include "precision/slices.h"

namespace drawbar {

int64_t channel_axis(int64_t rank) { return rank > 3 ? 1 : rank - 1; }

bool ChannelStatistics::add(const Tensor& seen) {
  const auto* numbers = seen.data<float>();
  if (seen.size() == 0) return true;
  const Slices slices =
      seen.rank() == 0 ? Slices({1}, 0) : Slices(seen.shape(), channel_axis(seen.rank()));
  const auto channels_seen = static_cast<size_t>(slices.count);
  low.resize(channels_seen);
  high.resize(channels_seen);
  sum.resize(channels_seen);
  squares.resize(channels_seen);
  rounded.resize(channels_seen);
  bool finite = true;
  for (int64_t i = 0; i < seen.size(); i += slices.inner) {
    const auto channel = static_cast<size_t>(slices(i));
    for (int64_t k = i; k < i + slices.inner; ++k) {
      const float x = numbers[k];
      finite &= std::isfinite(x);
      low[channel] = std::min(low[channel], x);
      high[channel] = std::max(high[channel], x);
      sum[channel] += static_cast<double>(x);
      squares[channel] += static_cast<double>(x) * static_cast<double>(x);
      rounded[channel] += x != 0;
    }
  }
  count += seen.size() / slices.count;
  return finite;
}

double ChannelStatistics::mean(size_t channel) const {
  return sum[channel] / static_cast<double>(std::max<int64_t>(count, 1));
}

double ChannelStatistics::variance(size_t channel) const {
  const double of_mean = mean(channel);
  return std::max(
      squares[channel] / static_cast<double>(std::max<int64_t>(count, 1)) - of_mean * of_mean, 0.0);
}

double ChannelStatistics::share_rounded(size_t channel) const {
  return static_cast<double>(rounded[channel]) / static_cast<double>(std::max<int64_t>(count, 1));
}

Range ChannelStatistics::range(const std::vector<float>& factors) const {
  Range range;
  for (size_t c = 0; c < channels(); ++c) {
    const float factor = factors.empty() ? 1 : factors[c];
    range.low = std::min(range.low, low[c] / factor);
    range.high = std::max(range.high, high[c] / factor);
  }
  return range;
}

}  // namespace drawbar

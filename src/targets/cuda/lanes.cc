#include "targets/cuda/lanes.h"

#include <algorithm>

namespace drawbar::cuda {

Lanes Lanes::in_order(int steps) {
  std::vector<std::vector<int>> reads(index(steps));
  for (int step = 1; step < steps; ++step) reads[index(step)] = {step - 1};
  return Lanes(reads);
}

Lanes::Lanes(const std::vector<std::vector<int>>& reads)
    : lane_(reads.size(), 0),
      waits_(reads.size()),
      waited_for_(reads.size(), 0),
      before_(reads.size(), std::vector<uint64_t>((reads.size() + 63) / 64)) {
  std::vector<int> last;  // by lane
  for (int step = 0; index(step) < reads.size(); ++step) {
    std::vector<int> latest = reads[index(step)];
    std::sort(latest.rbegin(), latest.rend());
    place(step, choose(latest, last), latest, last);
  }
  count_ = std::max(1, static_cast<int>(last.size()));
}

/// The lane's number, which is that of a new one where none serves.
int Lanes::choose(const std::vector<int>& reads, const std::vector<int>& last) const {
  const auto ends_with = [&](int step) {
    return static_cast<int>(std::find(last.begin(), last.end(), step) - last.begin());
  };
  const int lanes = static_cast<int>(last.size());
  for (int read : reads) {
    if (const int lane = ends_with(read); lane < lanes) return lane;
  }
  for (int lane = 0; lane < lanes; ++lane) {
    const int end = last[index(lane)];
    if (std::any_of(reads.begin(), reads.end(), [&](int read) { return is_before(end, read); }))
      return lane;
  }
  if (lanes < most) return lanes;
  // All are busy with something else: behind the one that got its last step longest ago.
  return static_cast<int>(std::min_element(last.begin(), last.end()) - last.begin());
}

void Lanes::place(int step, int lane, const std::vector<int>& reads, std::vector<int>& last) {
  lane_[index(step)] = lane;
  std::vector<uint64_t>& before = before_[index(step)];
  const auto follow = [&](int earlier) {
    const std::vector<uint64_t>& its = before_[index(earlier)];
    for (size_t i = 0; i < before.size(); ++i) before[i] |= its[i];
    before[index(earlier) / 64] |= uint64_t{1} << (earlier % 64);
  };
  if (index(lane) == last.size()) {
    last.push_back(step);
  } else {
    follow(last[index(lane)]);
    last[index(lane)] = step;
  }
  for (int read : reads) {
    if (is_before(read, step)) continue;
    waits_[index(step)].push_back(read);
    waited_for_[index(read)] = 1;
    follow(read);
  }
}

}  // namespace drawbar::cuda

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace drawbar::cuda {

/// Steps of a plan spread over streams, so that branches of its graph run side by side. Within a
/// lane steps run in order; a step of one lane waits for steps of others where it has to.
class Lanes {
 public:
  static constexpr int most = 4;

  /// All steps in one lane.
  static Lanes in_order(int steps);
  /// By step, the steps whose results it reads, all of them below it. A step follows in the lane of
  /// one that it reads where that lane has not gone on yet, else in one whose steps are all before
  /// it, else in a new one, of at most `most`.
  explicit Lanes(const std::vector<std::vector<int>>& reads);

  int count() const { return count_; }
  int lane(int step) const { return lane_[index(step)]; }
  /// The steps of other lanes that it waits for: the last of each that it needs and that nothing
  /// before it in its lane has waited for.
  const std::vector<int>& waits(int step) const { return waits_[index(step)]; }
  bool is_waited_for(int step) const { return waited_for_[index(step)] != 0; }
  /// Whether `step` is done whenever `later` begins.
  bool is_before(int step, int later) const {
    return (before_[index(later)][index(step) / 64] >> (step % 64) & 1) != 0;
  }

 private:
  static size_t index(int step) { return static_cast<size_t>(step); }
  /// `reads`: the latest first. What was computed just before lies in the cache, and waiting for it
  /// is waiting for all before it.
  int choose(const std::vector<int>& reads, const std::vector<int>& last) const;
  void place(int step, int lane, const std::vector<int>& reads, std::vector<int>& last);

  int count_ = 1;
  std::vector<int> lane_;
  std::vector<std::vector<int>> waits_;
  std::vector<char> waited_for_;
  std::vector<std::vector<uint64_t>> before_;  // by step, a bit for each step that is before it
};

}  // namespace drawbar::cuda

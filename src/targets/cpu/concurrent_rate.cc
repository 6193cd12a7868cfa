#include "targets/cpu/concurrent_rate.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <system_error>
#include <thread>
#include <vector>

namespace drawbar::cpu {
namespace {

using Clock = std::chrono::steady_clock;

/// Lets threads go on once all have come: they spin, for a sleeping thread begins late.
class StartingLine {
 public:
  /// The k-th call of each thread (k from 1) returns when all of `team` have made theirs.
  void wait(int team, int k) {
    arrived_.fetch_add(1);
    while (arrived_.load() < team * k) std::this_thread::yield();
  }

 private:
  std::atomic<int> arrived_{0};
};

struct Worked {
  double work = 0;
  Clock::time_point start, end;
};

}  // namespace

double best_concurrent_rate(int threads, int rounds, FunctionRef<double(int worker)> body) {
  StartingLine line;
  std::vector<std::vector<Worked>> worked(static_cast<size_t>(threads));
  for (auto& own : worked) own.resize(static_cast<size_t>(rounds) + 1);
  std::atomic<int> team{0};  // 0 until all threads there will be are there
  const auto work = [&](int worker) {
    while (team.load() == 0) std::this_thread::yield();
    for (int round = 0; round <= rounds; ++round) {
      line.wait(team.load(), round + 1);
      Worked& own = worked[static_cast<size_t>(worker)][static_cast<size_t>(round)];
      own.start = Clock::now();
      own.work = body(worker);
      own.end = Clock::now();
    }
  };
  std::vector<std::thread> others;
  try {
    for (int worker = 1; worker < threads; ++worker) others.emplace_back(work, worker);
  } catch (const std::system_error&) {  // as many as there are
  }
  team = static_cast<int>(others.size()) + 1;
  work(0);
  for (std::thread& other : others) other.join();
  double best = 0;
  for (size_t round = 1; round <= static_cast<size_t>(rounds); ++round) {
    Worked all = worked[0][round];
    for (size_t worker = 1; worker <= others.size(); ++worker) {
      const Worked& one = worked[worker][round];
      all.work += one.work;
      all.start = std::min(all.start, one.start);
      all.end = std::max(all.end, one.end);
    }
    const double seconds = std::chrono::duration<double>(all.end - all.start).count();
    best = std::max(best, all.work / std::max(seconds, 1e-9));
  }
  return best;
}

}  // namespace drawbar::cpu

#include "base/threads.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <fstream>
#include <mutex>
#include <sched.h>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace drawbar {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kSpin = std::chrono::microseconds(40);

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

/// Spins until ready() or the time is over; says whether it became ready.
template <class Ready>
bool spin(Ready ready) {
  const auto start = Clock::now();
  do {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      pause();
    }
  } while (Clock::now() - start < kSpin);
  return ready();
}

std::vector<int> allowed_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> processors;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (int i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &set)) processors.push_back(i);
    }
  }
  return processors;
}

/// The quota of one control group in processors, 0 where it has none.
double quota_of(const std::string& folder) {
  double quota = 0, period = 0;
  if (std::ifstream file(folder + "/cpu.max"); file >> quota >> period) {  // version 2; or "max"
    return period > 0 ? quota / period : 0;
  }
  if ((std::ifstream(folder + "/cpu.cfs_quota_us") >> quota) &&
      (std::ifstream(folder + "/cpu.cfs_period_us") >> period)) {
    return quota > 0 && period > 0 ? quota / period : 0;
  }
  return 0;
}

/// The tightest quota on the way from this process's control group to the root; 0 for none.
double cgroup_quota() {
  double tightest = 0;
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    std::istringstream parts(line);
    std::string id, controllers, path;
    std::getline(parts, id, ':');
    std::getline(parts, controllers, ':');
    std::getline(parts, path);
    std::string root = "/sys/fs/cgroup";
    if (!controllers.empty()) {
      if (("," + controllers + ",").find(",cpu,") == std::string::npos) continue;
      root += "/" + controllers;
    }
    for (;;) {
      const double quota = quota_of(root + (path == "/" ? "" : path));
      if (quota > 0) tightest = tightest > 0 ? std::min(tightest, quota) : quota;
      if (path.empty() || path == "/") break;
      path.erase(path.find_last_of('/'));
    }
  }
  return tightest;
}

}  // namespace

int available_processors() {
  int count = static_cast<int>(allowed_processors().size());
  if (count == 0) count = static_cast<int>(std::thread::hardware_concurrency());
  const double quota = cgroup_quota();
  if (quota > 0) count = std::min(count, static_cast<int>(quota + 0.999));
  return std::max(count, 1);
}

/// A loop is published in `gate`: its number in the high half, then an "open" bit, then the count
/// of workers inside. Workers enter only through an open gate, the caller closes it when nothing is
/// left to claim and waits for the count to fall to 0. So a worker that wakes late misses the loop
/// and delays nobody, and nobody is inside while the loop's fields below are written.
struct ThreadPool::State {
  static constexpr uint64_t kOpen = uint64_t{1} << 31;
  static constexpr uint64_t kInside = kOpen - 1;
  static constexpr uint64_t kNext = uint64_t{1} << 32;

  /// What is left of one worker's share, in pieces: first << 32 | end.
  struct alignas(64) Share {
    std::atomic<uint64_t> left{0};
  };

  explicit State(int threads) : shares(static_cast<size_t>(threads)) {}

  alignas(64) std::atomic<uint64_t> gate{0};
  alignas(64) std::atomic<bool> busy{false};
  std::atomic<bool> stop{false};
  std::atomic<int> sleepers{0};
  bool may_spin = true;

  // Of the current loop.
  int64_t n = 0;
  int64_t pieces = 1;
  int64_t alignment = 1;  // pieces begin at multiples of it
  const FunctionRef<void(int64_t, int64_t, int)>* body = nullptr;
  std::vector<Share> shares;
  std::atomic<bool> failed{false};
  std::exception_ptr error;

  std::mutex mutex;
  std::condition_variable wake;
  std::vector<std::thread> threads;

  int64_t begin_of(int64_t piece) const {
    return piece == pieces ? n : piece * n / pieces / alignment * alignment;
  }

  void deal() {
    const uint64_t workers = shares.size(), count = static_cast<uint64_t>(pieces);
    uint64_t first = 0;
    for (uint64_t i = 0; i < workers; ++i) {
      const uint64_t end = ((i + 1) * count + workers - 1) / workers;
      shares[i].left.store(first << 32 | end, std::memory_order_relaxed);
      first = end;
    }
  }

  /// Its own share from the front, half of what is left at a time, then the others' from the back.
  void work(int worker) {
    for (size_t i = 0; i < shares.size(); ++i) {
      const size_t owner = (static_cast<size_t>(worker) + i) % shares.size();
      std::atomic<uint64_t>& left = shares[owner].left;
      uint64_t value = left.load(std::memory_order_relaxed);
      for (;;) {
        const uint64_t first = value >> 32, end = value & 0xffff'ffff;
        if (first >= end) break;
        const uint64_t taken = (end - first + 1) / 2;
        const uint64_t from = i == 0 ? first : end - taken;
        const uint64_t rest = i == 0 ? (first + taken) << 32 | end : first << 32 | (end - taken);
        if (!left.compare_exchange_weak(value, rest, std::memory_order_relaxed)) continue;
        run_pieces(static_cast<int64_t>(from), static_cast<int64_t>(taken), worker);
        value = left.load(std::memory_order_relaxed);
      }
    }
  }

  void run_pieces(int64_t first, int64_t count, int worker) {
    try {
      (*body)(begin_of(first), begin_of(first + count), worker);
    } catch (...) {
      if (!failed.exchange(true)) error = std::current_exception();
      for (Share& share : shares) share.left.store(0, std::memory_order_relaxed);
    }
  }

  /// Enters the loop if the gate is open; `seen` is the last loop's number that was looked at.
  bool enter(uint64_t& seen) {
    uint64_t value = gate.load(std::memory_order_acquire);
    while ((value & kOpen) != 0) {
      if (gate.compare_exchange_weak(value, value + 1, std::memory_order_acquire)) {
        seen = value / kNext;
        return true;
      }
    }
    seen = value / kNext;
    return false;
  }

  void run_worker(int worker) {
    uint64_t seen = 0;
    const auto called = [&] { return stop.load() || gate.load() / kNext != seen; };
    for (;;) {
      if (!(may_spin && spin(called)) && !called()) {
        std::unique_lock lock(mutex);
        sleepers.fetch_add(1);
        wake.wait(lock, called);
        sleepers.fetch_sub(1);
      }
      if (stop.load()) return;
      if (enter(seen)) {
        work(worker);
        gate.fetch_sub(1, std::memory_order_release);
      }
    }
  }
};

ThreadPool::ThreadPool(int threads, bool pin)
    : threads_(std::max(threads, 1)), state_(std::make_unique<State>(threads_)) {
  state_->may_spin = threads_ <= available_processors();
  const std::vector<int> processors = pin ? allowed_processors() : std::vector<int>();
  state_->threads.reserve(static_cast<size_t>(threads_ - 1));
  // Workers read the vector's size: it is complete before the first loop opens the gate.
  for (int worker = 1; worker < threads_; ++worker) {
    try {
      state_->threads.emplace_back([this, worker] { state_->run_worker(worker); });
    } catch (const std::system_error&) {  // no more threads to be had: make do with those
      threads_ = worker;                  // their shares are taken by the others
      break;
    }
    if (!processors.empty()) {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(processors[static_cast<size_t>(worker) % processors.size()], &set);
      pthread_setaffinity_np(state_->threads.back().native_handle(), sizeof(set), &set);
    }
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop.store(true);
  }
  state_->wake.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

void ThreadPool::parallel_for(int64_t n, int64_t grain,
                              FunctionRef<void(int64_t, int64_t, int)> body) {
  if (n <= 0) return;
  // Pieces of equal size, as many for every worker; more of them than this do not end together
  // any better.
  constexpr int64_t kMostPieces = 1024;
  grain = std::max<int64_t>(grain, 1);
  int64_t pieces = std::min((n + grain / 2) / grain, kMostPieces * threads_);
  if (pieces > threads_) pieces -= pieces % threads_;
  if (threads_ == 1 || pieces <= 1 || state_->busy.exchange(true)) {
    body(0, n, 0);
    return;
  }
  State& state = *state_;
  state.n = n;
  state.pieces = pieces;
  state.alignment = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(grain / 8 + 1)));
  state.body = &body;
  state.deal();
  state.failed.store(false, std::memory_order_relaxed);
  const uint64_t number = state.gate.load(std::memory_order_relaxed) / State::kNext;
  state.gate.store((number + 1) * State::kNext + State::kOpen);
  // Either this sees the sleeper, or the sleeper, which counts itself before it looks, sees the
  // gate.
  if (state.sleepers.load() > 0) {
    { const std::lock_guard lock(state.mutex); }
    if (pieces >= threads_) {
      state.wake.notify_all();
    } else {
      for (int64_t i = 1; i < pieces; ++i) state.wake.notify_one();
    }
  }
  state.work(0);
  state.gate.fetch_and(~State::kOpen, std::memory_order_acq_rel);
  const auto empty = [&] {
    return (state.gate.load(std::memory_order_acquire) & State::kInside) == 0;
  };
  while (!spin(empty)) std::this_thread::yield();
  std::exception_ptr error;
  if (state.failed.load(std::memory_order_relaxed)) error = std::exchange(state.error, nullptr);
  state.busy.store(false);
  if (error) std::rethrow_exception(error);
}

}  // namespace drawbar

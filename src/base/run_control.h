#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/error.h"

namespace drawbar {

/// What may end a run early, and how much it may allocate for values whose size depends on data.
struct RunControl {
  using Clock = std::chrono::steady_clock;
  Clock::time_point deadline = Clock::time_point::max();
  const std::atomic<bool>* cancelled = nullptr;
  int64_t memory_budget = int64_t{16} << 30;  // bytes of one value

  /// Throws DEADLINE_EXCEEDED when the deadline passed or the caller cancelled. Some 20 ns.
  void check() const {
    if (cancelled && cancelled->load(std::memory_order_relaxed)) {
      fail(ErrorCode::deadline_exceeded, "the run was cancelled");
    }
    if (deadline != Clock::time_point::max() && Clock::now() > deadline) {
      fail(ErrorCode::deadline_exceeded, "the deadline passed while running");
    }
  }
  void check_bytes(int64_t bytes) const {
    if (bytes > memory_budget) {
      fail(ErrorCode::resource_exhausted, "a value takes {} bytes, the budget is {}", bytes,
           memory_budget);
    }
  }
};

}  // namespace drawbar

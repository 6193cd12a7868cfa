#include "base/threads.h"

#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <stdexcept>
#include <thread>
#include <vector>

namespace drawbar {
namespace {

class ThreadPoolTest : public testing::TestWithParam<int> {};

TEST_P(ThreadPoolTest, CoversTheRangeOnce) {
  ThreadPool pool(GetParam());
  for (int64_t n : {0, 1, 2, 7, 127, 1000}) {
    for (int64_t grain : {0, 1, 3, 64, 5000}) {
      std::vector<int> hits(static_cast<size_t>(n), 0);
      pool.parallel_for(n, grain, [&](int64_t begin, int64_t end, int worker) {
        EXPECT_LT(begin, end);
        EXPECT_GE(worker, 0);
        EXPECT_LT(worker, pool.threads());
        EXPECT_EQ(begin % std::max<int64_t>(grain / 8, 1), 0);
        EXPECT_GE(end - begin, std::min(n, grain / 2));
        for (int64_t i = begin; i < end; ++i) ++hits[static_cast<size_t>(i)];
      });
      for (int hit : hits) EXPECT_EQ(hit, 1) << "n " << n << ", grain " << grain;
    }
  }
}

TEST_P(ThreadPoolTest, WritesOfALoopAreSeenByTheNext) {
  ThreadPool pool(GetParam());
  std::vector<int64_t> values(64, 0);
  for (int round = 0; round < 2000; ++round) {
    pool.parallel_for(64, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) values[static_cast<size_t>(i)] += i;
    });
  }
  for (int64_t i = 0; i < 64; ++i) EXPECT_EQ(values[static_cast<size_t>(i)], 2000 * i);
}

TEST_P(ThreadPoolTest, SleepingWorkersWake) {
  ThreadPool pool(GetParam());
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::atomic<int64_t> sum{0};
    pool.parallel_for(100, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) sum += i;
    });
    EXPECT_EQ(sum.load(), 4950);
  }
}

TEST_P(ThreadPoolTest, ALoopInsideALoopRunsInline) {
  ThreadPool pool(GetParam());
  std::atomic<int> calls{0};
  pool.parallel_for(8, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      pool.parallel_for(50, 1, [&](int64_t inner_begin, int64_t inner_end, int) {
        EXPECT_EQ(inner_end - inner_begin, pool.threads() > 1 ? 50 : inner_end - inner_begin);
        calls += static_cast<int>(inner_end - inner_begin);
      });
    }
  });
  EXPECT_EQ(calls.load(), 400);
}

TEST_P(ThreadPoolTest, SecondCallerRunsInline) {
  ThreadPool pool(GetParam());
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 3; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        pool.parallel_for(16, 1, [&](int64_t begin, int64_t end, int) { sum += end - begin; });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum.load(), 3 * 200 * 16);
}

TEST_P(ThreadPoolTest, RethrowsTheFirstExceptionAndGoesOn) {
  ThreadPool pool(GetParam());
  for (int round = 0; round < 50; ++round) {
    EXPECT_THROW(pool.parallel_for(100, 1,
                                   [&](int64_t begin, int64_t end, int) {
                                     if (begin <= 40 && 40 < end) throw std::runtime_error("40");
                                   }),
                 std::runtime_error);
    std::atomic<int64_t> count{0};
    pool.parallel_for(100, 1, [&](int64_t begin, int64_t end, int) { count += end - begin; });
    EXPECT_EQ(count.load(), 100);
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, testing::Values(1, 2, 3, 8));

TEST(ThreadPool, PinsAndCountsTheCaller) {
  ThreadPool pool(2, true);
  EXPECT_EQ(pool.threads(), 2);
  EXPECT_GE(available_processors(), 1);
  EXPECT_EQ(ThreadPool(0).threads(), 1);
}

}  // namespace
}  // namespace drawbar

#include "targets/cuda/emulated/block.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace drawbar::cuda {
namespace {

TEST(EmulatedBlock, RunsEveryThreadOfEveryBlock) {
  EmulatedThread thread;
  std::vector<int> runs(2 * 3 * 4 * 5, 0);
  run_blocks(thread, {2, 3}, {4, 5}, false, false, [&] {
    const auto block = thread.block.y * 2 + thread.block.x;
    ++runs[block * 20 + thread.thread.y * 4 + thread.thread.x];
  });
  for (int count : runs) EXPECT_EQ(count, 1);
}

TEST(EmulatedBlock, ThreadsMeetAtBarriers) {
  EmulatedThread thread;
  std::vector<int> shared(64), sums(64);
  run_blocks(thread, {1}, {64}, true, false, [&] {
    const uint32_t i = thread.thread.x;
    shared[i] = static_cast<int>(i);
    thread.wait_for_block();
    sums[thread.thread.x] = shared[63 - thread.thread.x];
  });
  for (int i = 0; i < 64; ++i) EXPECT_EQ(sums[static_cast<size_t>(i)], 63 - i);
}

TEST(EmulatedBlock, FindsThreadsThatDoNotMeet) {
  EmulatedThread thread;
  EXPECT_THROW(run_blocks(thread, {1}, {64}, true, false,
                          [&] {
                            if (thread.thread.x > 3) thread.wait_for_block();
                          }),
               Error);
  EXPECT_THROW(run_blocks(thread, {1}, {64}, false, false, [&] { thread.wait_for_block(); }),
               Error);
}

TEST(EmulatedBlock, ReverseOrderShowsMissingBarriers) {
  for (bool waits : {true, false}) {
    int seen[2] = {};
    for (bool reversed : {false, true}) {
      EmulatedThread thread;
      int shared = 0;
      run_blocks(thread, {1}, {64}, true, reversed, [&] {
        if (thread.thread.x == 0) shared = 7;
        if (waits) thread.wait_for_block();
        if (thread.thread.x == 63) seen[reversed ? 1 : 0] = shared;
      });
    }
    EXPECT_EQ(seen[0], 7);
    EXPECT_EQ(seen[1], waits ? 7 : 0);
  }
}

TEST(EmulatedBlock, WarpsMeetAlone) {
  EmulatedThread thread;
  int first_warp_done = 0;
  run_blocks(thread, {1}, {64}, true, false, [&] {
    if (thread.thread.x >= 32) return;
    thread.wait_for_warp();
    ++first_warp_done;
  });
  EXPECT_EQ(first_warp_done, 32);
}

}  // namespace
}  // namespace drawbar::cuda

#include "targets/memory_plan.h"

#include <gtest/gtest.h>
#include <random>

namespace drawbar {
namespace {

TEST(MemoryPlan, ReusesTheMemoryOfDeadBuffers) {
  const MemoryPlan plan = plan_memory({{100, 0, 1}, {100, 1, 2}, {100, 2, 3}});
  EXPECT_EQ(plan.offsets[0], plan.offsets[2]);
  EXPECT_EQ(plan.arena_bytes, 256);
}

TEST(MemoryPlan, NeverOverlapsBuffersAliveTogether) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<Lifetime> buffers(60);
    int64_t alive_at_most = 0;
    for (Lifetime& b : buffers) {
      b.first = static_cast<int>(random() % 40);
      b.last = b.first + static_cast<int>(random() % 10);
      b.bytes = static_cast<int64_t>(random() % 5000);
    }
    const MemoryPlan plan = plan_memory(buffers);
    for (int step = 0; step < 50; ++step) {
      int64_t alive = 0;
      for (const Lifetime& b : buffers) {
        if (b.first <= step && step <= b.last) alive += (b.bytes + 63) / 64 * 64;
      }
      alive_at_most = std::max(alive_at_most, alive);
    }
    for (size_t i = 0; i < buffers.size(); ++i) {
      EXPECT_EQ(plan.offsets[i] % 64, 0);
      EXPECT_LE(plan.offsets[i] + buffers[i].bytes, plan.arena_bytes);
      for (size_t k = 0; k < i; ++k) {
        if (buffers[i].last < buffers[k].first || buffers[k].last < buffers[i].first) continue;
        EXPECT_TRUE(plan.offsets[i] + buffers[i].bytes <= plan.offsets[k] ||
                    plan.offsets[k] + buffers[k].bytes <= plan.offsets[i]);
      }
    }
    EXPECT_LE(plan.arena_bytes, 2 * alive_at_most);
  }
}

}  // namespace
}  // namespace drawbar

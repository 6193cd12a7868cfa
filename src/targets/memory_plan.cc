#include "targets/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace drawbar {

MemoryPlan plan_memory(const std::vector<Lifetime>& buffers) {
  MemoryPlan plan;
  plan.offsets.resize(buffers.size());
  std::vector<size_t> by_size(buffers.size());
  std::iota(by_size.begin(), by_size.end(), size_t{0});
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<size_t> placed;  // by offset
  for (size_t id : by_size) {
    const Lifetime& buffer = buffers[id];
    const int64_t bytes = (buffer.bytes + 63) / 64 * 64;
    int64_t offset = 0;
    for (size_t other : placed) {
      const Lifetime& there = buffers[other];
      if (there.last < buffer.first || there.first > buffer.last) continue;
      if (offset + bytes <= plan.offsets[other]) break;
      offset = std::max(offset, plan.offsets[other] + (there.bytes + 63) / 64 * 64);
    }
    plan.offsets[id] = offset;
    plan.arena_bytes = std::max(plan.arena_bytes, offset + bytes);
    const auto at =
        std::upper_bound(placed.begin(), placed.end(), offset,
                         [&](int64_t o, size_t other) { return o < plan.offsets[other]; });
    placed.insert(at, id);
  }
  return plan;
}

}  // namespace drawbar

#include "targets/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace drawbar {

namespace {

/// `bytes(i)` of buffer i.
template <class Bytes, class Together>
MemoryPlan place(size_t count, const Bytes& bytes, const Together& alive_together) {
  const auto padded = [&](size_t id) { return (bytes(id) + 63) / 64 * 64; };
  MemoryPlan plan;
  plan.offsets.resize(count);
  std::vector<size_t> by_size(count);
  std::iota(by_size.begin(), by_size.end(), size_t{0});
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](size_t a, size_t b) { return bytes(a) > bytes(b); });
  std::vector<size_t> placed;  // by offset
  for (size_t id : by_size) {
    int64_t offset = 0;
    for (size_t other : placed) {
      if (!alive_together(id, other)) continue;
      if (offset + padded(id) <= plan.offsets[other]) break;
      offset = std::max(offset, plan.offsets[other] + padded(other));
    }
    plan.offsets[id] = offset;
    plan.arena_bytes = std::max(plan.arena_bytes, offset + padded(id));
    const auto at =
        std::upper_bound(placed.begin(), placed.end(), offset,
                         [&](int64_t o, size_t other) { return o < plan.offsets[other]; });
    placed.insert(at, id);
  }
  return plan;
}

}  // namespace

MemoryPlan plan_memory(const std::vector<Lifetime>& buffers) {
  return place(
      buffers.size(), [&](size_t id) { return buffers[id].bytes; },
      [&](size_t a, size_t b) {
        return buffers[a].first <= buffers[b].last && buffers[b].first <= buffers[a].last;
      });
}

MemoryPlan plan_memory(const std::vector<int64_t>& bytes,
                       const std::function<bool(size_t, size_t)>& alive_together) {
  return place(
      bytes.size(), [&](size_t id) { return bytes[id]; }, alive_together);
}

}  // namespace drawbar

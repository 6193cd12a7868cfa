#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace drawbar {

/// A buffer that is needed from step `first` to step `last`, both included.
struct Lifetime {
  int64_t bytes = 0;
  int first = 0, last = 0;
};

struct MemoryPlan {
  std::vector<int64_t> offsets;  // by buffer, 64-byte aligned
  int64_t arena_bytes = 0;
};

/// Places buffers in one arena so that those alive together do not overlap: the largest first, each
/// at the lowest offset that is free. Source: Pisarchyk, Lee, "Efficient Memory Management for Deep
/// Neural Net Inference", 2020 (greedy by size).
MemoryPlan plan_memory(const std::vector<Lifetime>& buffers);

/// The same for buffers of which pairs are alive together, whatever their order; by their indices.
MemoryPlan plan_memory(const std::vector<int64_t>& bytes,
                       const std::function<bool(size_t, size_t)>& alive_together);

}  // namespace drawbar

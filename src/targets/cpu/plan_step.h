#pragma once

#include <cstdlib>

#include "base/memory.h"
#include "ir/evaluate_graph.h"
#include "targets/cpu/plan.h"

namespace drawbar::cpu {

/// A kernel made while running, for the shapes (and small contents) it was made for.
struct CachedKernel {
  std::vector<int64_t> key;
  std::shared_ptr<const Kernel> kernel;  // null: the reference runs these shapes
  std::vector<Operand> outputs;
};

struct Plan::Step {
  enum class Kind : uint8_t { kernel, reference, rows, dynamic };
  NodeId node = no_id;
  Kind kind = Kind::kernel;
  const Tactic* tactic = nullptr;
  std::unique_ptr<Kernel> kernel;
  size_t scratch_bytes = 0;
  int64_t scratch_offset = 0;
  size_t first_pointer = 0;  // into Frame::pointers: inputs, then outputs
  bool small = false;        // a shape computation: the reference is fastest
  std::vector<std::unique_ptr<Plan>> subplans;
  std::vector<ValueId> release;  // dynamic values whose last reader this is
  std::mutex cache_mutex;
  std::list<CachedKernel> cache;  // most recent first
};

/// The memory of one run.
struct Plan::Frame {
  explicit Frame(size_t arena_bytes)
      : arena(static_cast<std::byte*>(allocate_memory(arena_bytes))), bytes(arena_bytes) {
    if (!arena)
      fail(ErrorCode::resource_exhausted, "no memory for an arena of {} bytes", arena_bytes);
  }
  ~Frame() { std::free(arena); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  bool holds(const void* p) const { return p >= arena && p < arena + bytes + 64; }

  std::byte* arena;
  size_t bytes;
  std::vector<void*> address;   // by value
  std::vector<Tensor> tensors;  // by value: views of placed memory, or dynamic values
  std::vector<void*> pointers;  // operands of all steps in a row
  void* dynamic_scratch = nullptr;
  std::shared_ptr<void> scratch_owner;
  size_t dynamic_scratch_bytes = 0;
};

}  // namespace drawbar::cpu

#pragma once

#include "targets/cuda/plan.h"

namespace drawbar::cuda {

struct Plan::Step {
  NodeId node = no_id;
  std::vector<Operand> inputs, outputs;
  const Tactic* tactic = nullptr;
  std::unique_ptr<Kernel> kernel;
  int64_t scratch_offset = 0;
  std::vector<const void*> functions;
  std::vector<std::shared_ptr<void>> packed_memory;
  std::vector<void*> packed;
};

/// The memory of one run, and its stream.
struct Plan::Frame {
  std::shared_ptr<Stream> stream;
  std::shared_ptr<void> arena, staging_in, staging_out;
  std::vector<void*> address;  // by value
  std::unique_ptr<Recording> recording;
  bool warm = false;  // it has run once, so that a recording finds everything loaded

  std::byte* at(int64_t offset) const { return static_cast<std::byte*>(arena.get()) + offset; }
  std::byte* in(int64_t offset) const { return static_cast<std::byte*>(staging_in.get()) + offset; }
  std::byte* out(int64_t offset) const {
    return static_cast<std::byte*>(staging_out.get()) + offset;
  }
};

}  // namespace drawbar::cuda

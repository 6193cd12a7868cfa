#pragma once

#include <utility>
#include <vector>

#include "targets/cuda/plan.h"

namespace drawbar::cuda {

inline int64_t bytes_of(const Value& value) {
  return storage_bytes(value.type.tensor.element, value.type.tensor.size().value());
}

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
  /// A run that may come again: it is recorded when it does, everything being loaded then.
  struct Known {
    Given given;
    std::unique_ptr<Recording> recording;  // null: it has run once
  };
  static constexpr size_t most_known = 8;

  std::shared_ptr<Stream> stream;
  std::vector<std::shared_ptr<Stream>> others;  // of lanes behind the first
  std::shared_ptr<void> arena, staging_in, staging_out;
  std::vector<void*> address;  // by value
  Given given;                 // what the addresses are for
  std::vector<Known> known;    // the latest last

  std::byte* at(int64_t offset) const { return static_cast<std::byte*>(arena.get()) + offset; }
  std::byte* in(int64_t offset) const { return static_cast<std::byte*>(staging_in.get()) + offset; }
  std::byte* out(int64_t offset) const {
    return static_cast<std::byte*>(staging_out.get()) + offset;
  }
};

}  // namespace drawbar::cuda

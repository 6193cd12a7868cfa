#pragma once

#include <cstdint>
#include <functional>

#include "targets/cuda/gpu.h"

namespace drawbar::cuda {

/// As device code sees it (code/emulation.cuh).
struct EmulatedThread {
  struct Index {
    uint32_t x = 0, y = 0, z = 0;
  };
  Index thread, block, threads, blocks;
  uint64_t* exchange = nullptr;
  void (*wait_for_block)() = nullptr;
  void (*wait_for_warp)() = nullptr;
};

/// Runs `body` for every thread of every block. `state` is what `body` finds the thread in. Where
/// threads synchronise each has a stack of its own and goes on in turns; threads of a warp are 32
/// neighbours. Throws INTERNAL where threads wait for others that have ended or wait elsewhere, or
/// wait without having said so. One launch at a time.
///
/// Threads and blocks run in order, or all in the reverse one: a kernel that needs no order gives
/// the same, and one that lacks a barrier likely not.
void run_blocks(EmulatedThread& state, const Extent& grid, const Extent& block, bool synchronises,
                bool reversed, const std::function<void()>& body);

}  // namespace drawbar::cuda

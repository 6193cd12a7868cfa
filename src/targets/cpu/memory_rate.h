#pragma once

#include <vector>

#include "targets/device.h"

namespace drawbar::cpu {

/// Reads and copies of so many threads together, from L1 to memory, each thread with buffers of its
/// own: half a cache for L1 and L2; a few times L2 for L3; twice L3, at least 64 MiB, at most 1 GiB
/// and an eighth of the machine's memory, for memory. Plain loads and stores of isa()'s widest
/// vectors: what stores read before they write is not counted. A level is left out where the
/// machine has none, or too little memory is free.
std::vector<MemoryRate> measure_memory_rates(int threads);

}  // namespace drawbar::cpu

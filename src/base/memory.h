#pragma once

#include <cstddef>

namespace drawbar {

/// Uninitialised memory, 64-byte aligned, with room for one vector past the end; from 4 MiB on of
/// huge pages where the system lends them. Null where memory is short; std::free gives it back.
void* allocate_memory(size_t bytes);

}  // namespace drawbar

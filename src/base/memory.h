#pragma once

#include <cstddef>

namespace drawbar {

/// Uninitialised memory, 64-byte aligned, with room for one vector past the end; from 4 MiB on of
/// huge pages where the system lends them. Null where memory is short; std::free gives it back.
void* allocate_memory(size_t bytes);

/// Has the system give memory's pages at once rather than one by one as they are written.
void populate(void* data, size_t bytes);

/// Maps the pages of a mapped file at once rather than one by one as they are touched, where the
/// system can do that.
void bring_in(const void* data, size_t bytes);

}  // namespace drawbar

#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace drawbar {

struct FreeMemory {
  void operator()(void* p) const { std::free(p); }
};
template <class T>
using AlignedBuffer = std::unique_ptr<T, FreeMemory>;

/// At least so many bytes, 64-byte aligned, of no particular content.
template <class T>
AlignedBuffer<T> aligned(int64_t bytes) {
  return AlignedBuffer<T>(
      static_cast<T*>(std::aligned_alloc(64, static_cast<size_t>((bytes + 127) / 64 * 64))));
}

}  // namespace drawbar

#include "base/memory.h"

#include <cstdint>
#include <cstdlib>
#include <sys/mman.h>

namespace drawbar {
namespace {

constexpr size_t vector_bytes = 64, page_bytes = size_t{2} << 20;
[[maybe_unused]] constexpr uintptr_t small_page_bytes = 4096;

}  // namespace

void* allocate_memory(size_t bytes) {
  const size_t alignment = bytes < 2 * page_bytes ? vector_bytes : page_bytes;
  if (bytes > SIZE_MAX - vector_bytes - alignment) return nullptr;
  const size_t whole = (bytes + vector_bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, whole);
  if (memory && alignment == page_bytes) madvise(memory, whole, MADV_HUGEPAGE);  // a wish
  return memory;
}

void bring_in(const void* data, size_t bytes) {
#ifdef MADV_POPULATE_READ
  const uintptr_t begin = reinterpret_cast<uintptr_t>(data) / small_page_bytes * small_page_bytes;
  const uintptr_t end = reinterpret_cast<uintptr_t>(data) + bytes;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_READ);  // a wish
#else
  static_cast<void>(data), static_cast<void>(bytes);
#endif
}

}  // namespace drawbar

#include "base/memory.h"

#include <cstdint>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

namespace drawbar {
namespace {

constexpr size_t vector_bytes = 64, page_bytes = size_t{2} << 20;

/// A wish: whether it came true does not matter.
[[maybe_unused]] void advise(const void* data, size_t bytes, int advice) {
  const auto address = reinterpret_cast<uintptr_t>(data);
  const uintptr_t within = address % static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  madvise(reinterpret_cast<void*>(address - within), bytes + within, advice);
}

}  // namespace

void* allocate_memory(size_t bytes) {
  const size_t alignment = bytes < 2 * page_bytes ? vector_bytes : page_bytes;
  if (bytes > SIZE_MAX - vector_bytes - alignment) return nullptr;
  const size_t whole = (bytes + vector_bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, whole);
  if (memory && alignment == page_bytes) madvise(memory, whole, MADV_HUGEPAGE);  // a wish
  return memory;
}

void populate(void* data, size_t bytes) {
#ifdef MADV_POPULATE_WRITE
  advise(data, bytes, MADV_POPULATE_WRITE);
#else
  static_cast<void>(data), static_cast<void>(bytes);
#endif
}

void bring_in(const void* data, size_t bytes) {
#ifdef MADV_POPULATE_READ
  advise(data, bytes, MADV_POPULATE_READ);
#else
  static_cast<void>(data), static_cast<void>(bytes);
#endif
}

}  // namespace drawbar

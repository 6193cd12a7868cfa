#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

namespace drawbar {

/// Memory that ends where nothing may be read: a byte behind it ends the process.
class GuardedBytes {
 public:
  explicit GuardedBytes(int64_t size) {
    const int64_t page = sysconf(_SC_PAGESIZE), pages = (size + page - 1) / page;
    bytes_ = static_cast<size_t>((pages + 1) * page);
    memory_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    auto* end = static_cast<std::byte*>(memory_) + pages * page;
    mprotect(end, static_cast<size_t>(page), PROT_NONE);
    data_ = end - size;
  }
  ~GuardedBytes() { munmap(memory_, bytes_); }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;

  std::byte* data() const { return data_; }

 private:
  void* memory_ = nullptr;
  size_t bytes_ = 0;
  std::byte* data_ = nullptr;
};

}  // namespace drawbar

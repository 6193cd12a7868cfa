#pragma once

#include <cstddef>
#include <memory>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define DRAWBAR_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DRAWBAR_ADDRESS_SANITIZER
#endif
#endif

namespace drawbar::cuda {

/// Code with a stack of its own, which goes on and pauses in turns with who resumes it. Much faster
/// than threads, and on x86-64 than the C library's contexts, which ask the system each time. No
/// exception may leave `body`. Not thread-safe.
class Coroutine {
 public:
  Coroutine() : stack_(std::make_unique_for_overwrite<std::byte[]>(stack_bytes)) {}
  Coroutine(const Coroutine&) = delete;
  Coroutine& operator=(const Coroutine&) = delete;

  /// Makes it begin with body(data) when it is resumed next; what it did before is forgotten.
  void restart(void (*body)(void*), void* data);
  /// Goes on until it pauses or ends.
  void resume();
  /// From within: back to who resumed it.
  void pause();
  bool ended() const { return ended_; }

 private:
#ifdef DRAWBAR_ADDRESS_SANITIZER
  static constexpr size_t stack_bytes = 512 << 10;  // frames are far larger
#else
  static constexpr size_t stack_bytes = 64 << 10;
#endif

  static void begin();
  std::unique_ptr<std::byte[]> stack_;
  void (*body_)(void*) = nullptr;
  void* data_ = nullptr;
  bool ended_ = true, fresh_ = false;
  const void* resumer_stack_ = nullptr;  // known to the address sanitizer alone
  size_t resumer_bytes_ = 0;
#if defined(__x86_64__)
  void *own_ = nullptr, *resumer_ = nullptr;  // stack pointers
#else
  ucontext_t own_ = {}, resumer_ = {};
#endif
};

}  // namespace drawbar::cuda

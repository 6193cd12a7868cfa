#include "targets/cuda/emulated/coroutine.h"

#include <cstdint>
#include <utility>

#if defined(__x86_64__)

// Keeps the registers that a call keeps (System V ABI, x86-64) on the stack that is left, its
// pointer in *rdi, and goes on where the stack rsi was left.
extern "C" void drawbar_switch_stack(void** left, void* taken);
asm(R"(
.text
.globl drawbar_switch_stack
.hidden drawbar_switch_stack
.type drawbar_switch_stack, @function
drawbar_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size drawbar_switch_stack, . - drawbar_switch_stack
)");

#endif

#ifdef DRAWBAR_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
// Tell the address sanitizer which stack is in use.
static void __asan_unpoison_memory_region(const void*, size_t) {}
static void __sanitizer_start_switch_fiber(void**, const void*, size_t) {}
static void __sanitizer_finish_switch_fiber(void*, const void**, size_t*) {}
#endif

namespace drawbar::cuda {
namespace {
Coroutine* starting = nullptr;  // whose stack begin() finds itself on
}

void Coroutine::begin() {
  Coroutine& self = *std::exchange(starting, nullptr);
  __sanitizer_finish_switch_fiber(nullptr, &self.resumer_stack_, &self.resumer_bytes_);
  self.body_(self.data_);
  self.ended_ = true;
  self.pause();  // for good
}

void Coroutine::restart(void (*body)(void*), void* data) {
  body_ = body;
  data_ = data;
  ended_ = false;
  // The frames that are forgotten never returned.
  __asan_unpoison_memory_region(stack_.get(), stack_bytes);
#if defined(__x86_64__)
  // begin() is returned to, with six registers above it, and finds its stack as behind a call.
  auto top = reinterpret_cast<uintptr_t>(stack_.get() + stack_bytes) & ~uintptr_t{15};
  auto* slot = reinterpret_cast<void**>(top) - 2;
  *slot = reinterpret_cast<void*>(&Coroutine::begin);
  for (int i = 0; i < 6; ++i) *--slot = nullptr;
  own_ = slot;
#else
  getcontext(&own_);
  own_.uc_stack.ss_sp = stack_.get();
  own_.uc_stack.ss_size = stack_bytes;
  own_.uc_link = nullptr;
  makecontext(&own_, &Coroutine::begin, 0);
#endif
  fresh_ = true;
}

void Coroutine::resume() {
  if (std::exchange(fresh_, false)) starting = this;
  void* frames = nullptr;
  __sanitizer_start_switch_fiber(&frames, stack_.get(), stack_bytes);
#if defined(__x86_64__)
  drawbar_switch_stack(&resumer_, own_);
#else
  swapcontext(&resumer_, &own_);
#endif
  __sanitizer_finish_switch_fiber(frames, nullptr, nullptr);
}

void Coroutine::pause() {
  void* frames = nullptr;
  __sanitizer_start_switch_fiber(ended_ ? nullptr : &frames, resumer_stack_, resumer_bytes_);
#if defined(__x86_64__)
  drawbar_switch_stack(&own_, resumer_);
#else
  swapcontext(&own_, &resumer_);
#endif
  __sanitizer_finish_switch_fiber(frames, &resumer_stack_, &resumer_bytes_);
}

}  // namespace drawbar::cuda

#pragma once

// Copies from memory into shared memory that go on while the thread does; in groups, in order.

#if defined(DRAWBAR_EMULATED) || (defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800)

template <int BYTES>
__device__ __forceinline__ void copy_later(void* to, const void* from, bool whole) {
  using Bytes = Several<unsigned, BYTES / 4>;
  *static_cast<Bytes*>(to) = whole ? *static_cast<const Bytes*>(from) : Bytes{};
}
__device__ __forceinline__ void end_copies() {}
template <int PENDING>
__device__ __forceinline__ void wait_for_copies() {}

#else

/// 4, 8 or 16 bytes, aligned; zeros, and nothing is read, unless `whole`.
template <int BYTES>
__device__ __forceinline__ void copy_later(void* to, const void* from, bool whole) {
  u64 place;
  asm("cvta.to.shared.u64 %0, %1;" : "=l"(place) : "l"(to));
  const unsigned at = static_cast<unsigned>(place), bytes = whole ? BYTES : 0;
  if constexpr (BYTES == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from), "r"(bytes)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(at), "l"(from), "n"(BYTES),
                 "r"(bytes)
                 : "memory");
  }
}
/// Ends a group, which may be empty.
__device__ __forceinline__ void end_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
/// Until only PENDING groups of this thread are not yet done.
template <int PENDING>
__device__ __forceinline__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

#endif

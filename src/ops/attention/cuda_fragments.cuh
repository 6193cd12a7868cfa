#pragma once

#include "ops/matmul/cuda_mma.cuh"

// What feeds matrix units beside cuda_mma.cuh: loads of fragments from shared memory, copies into
// it that nobody waits for, two numbers in a register. From sm_80 on.

namespace attention {

/// Two numbers, the first one in the low half.
template <class T>
__device__ __forceinline__ unsigned pair_of(float low, float high) {
  return from_compute<T>(low).bits | static_cast<unsigned>(from_compute<T>(high).bits) << 16;
}

#ifdef DRAWBAR_EMULATED

/// Four matrices of 8 × 8 halves, whose rows of 16 bytes begin where lanes 0-7, 8-15, 16-23 and
/// 24-31 say. A lane gets of each of them elements 2 (lane % 4) and the next one of row lane / 4;
/// with TRANSPOSED, of column lane / 4.
template <bool TRANSPOSED>
inline void load_matrices(unsigned (&to)[4], const unsigned short* row) {
  static const unsigned short* rows[1024];
  const unsigned thread = drawbar_thread_in_block(), warp = thread / 32 * 32, lane = thread % 32;
  rows[thread] = row;
  __syncwarp();
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned short* const* matrix = rows + warp + i * 8;
    const unsigned line = lane / 4, pair = lane % 4 * 2;
    const unsigned short low = TRANSPOSED ? matrix[pair][line] : matrix[line][pair];
    const unsigned short high = TRANSPOSED ? matrix[pair + 1][line] : matrix[line][pair + 1];
    to[i] = low | static_cast<unsigned>(high) << 16;
  }
  __syncwarp();
}

/// Sixteen bytes into shared memory, zeros where not `valid`, by some time before a wait. The
/// copies up to `close_copies` are one group.
inline void copy_later(unsigned short* to, const void* from, bool valid) {
  if (valid) {
    __builtin_memcpy(to, from, 16);
  } else {
    __builtin_memset(to, 0, 16);
  }
}
inline void close_copies() {}
/// Until at most PENDING groups are not done, as far as this thread asked for them.
template <int PENDING>
inline void wait_for_copies() {}

#else

template <>
__device__ __forceinline__ unsigned pair_of<f16>(float low, float high) {
  unsigned result;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
}
template <>
__device__ __forceinline__ unsigned pair_of<bf16>(float low, float high) {
  unsigned result;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
}

__device__ __forceinline__ unsigned shared_address(const void* pointer) {
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

template <bool TRANSPOSED>
__device__ __forceinline__ void load_matrices(unsigned (&to)[4], const unsigned short* row) {
  if constexpr (TRANSPOSED) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(shared_address(row))
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(shared_address(row))
                 : "memory");
  }
}

__device__ __forceinline__ void copy_later(unsigned short* to, const void* from, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :
               : "r"(shared_address(to)), "l"(from), "r"(valid ? 16 : 0)
               : "memory");
}
__device__ __forceinline__ void close_copies() {
  asm volatile("cp.async.commit_group;" : : : "memory");
}
template <int PENDING>
__device__ __forceinline__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" : : "n"(PENDING) : "memory");
}

#endif

}  // namespace attention

#pragma once

#include "ops/quantize/cuda_bytes.cuh"

// One step of a warp's matrix unit on bytes: d += a · b with a [16, 32] of A, b [32, 8] of B (each
// signed or unsigned char) and d [16, 8] of int, which wraps. With g = lane / 4 and t = lane % 4 a
// lane holds, four neighbours along the depth a register,
//
//   a[0], a[1]   rows g and g + 8, columns 4t to 4t + 3;   a[2], a[3]   the same, sixteen columns
//   on b[0], b[1]   rows 4t to 4t + 3, and sixteen rows on, of column g d[0…1], d[2…3]   rows g and
//   g + 8, columns 2t and 2t + 1
//
// Source: PTX ISA, "Matrix fragments for mma.m16n8k32".

namespace integer_matmul {

#ifdef DRAWBAR_EMULATED

template <class A, class B>
inline void mma_16x8x32(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  static unsigned lefts[1024][4], rights[1024][2];
  const unsigned thread = drawbar_thread_in_block(), warp = thread / 32 * 32, lane = thread % 32;
  for (int i = 0; i < 4; ++i) lefts[thread][i] = a[i];
  for (int i = 0; i < 2; ++i) rights[thread][i] = b[i];
  __syncwarp();
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = lane / 4, column = lane % 4 * 2 + i % 2;
    for (unsigned k = 0; k < 8; ++k) {
      const unsigned place = k % 4, high = k / 4;
      d[i] = quantize::FourProducts<A, B>::add(lefts[warp + row * 4 + place][high * 2 + i / 2],
                                               rights[warp + column * 4 + place][high], d[i]);
    }
  }
  __syncwarp();
}

#else

template <class A, class B>
__device__ __forceinline__ void mma_16x8x32(int (&d)[4], const unsigned (&a)[4],
                                            const unsigned (&b)[2]);
#define DRAWBAR_MMA(A, B, NAME)                                                        \
  template <>                                                                          \
  __device__ __forceinline__ void mma_16x8x32<A, B>(int(&d)[4], const unsigned(&a)[4], \
                                                    const unsigned(&b)[2]) {           \
    asm("mma.sync.aligned.m16n8k32.row.col.s32." NAME                                  \
        ".s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"         \
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])                               \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));           \
  }
DRAWBAR_MMA(unsigned char, signed char, "u8.s8")
DRAWBAR_MMA(unsigned char, unsigned char, "u8.u8")
DRAWBAR_MMA(signed char, signed char, "s8.s8")
DRAWBAR_MMA(signed char, unsigned char, "s8.u8")
#undef DRAWBAR_MMA

#endif

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

}  // namespace integer_matmul

#pragma once

// One step of a warp's matrix unit: d += a · b with a [16, 16], b [16, 8] of f16 or bf16 and d
// [16, 8] of float. With g = lane / 4 and t = lane % 4 a lane holds, two numbers a register,
//
//   a[0], a[1]   rows g and g + 8, columns 2t and 2t + 1;   a[2], a[3]   the same, eight columns on
//   b[0], b[1]   rows 2t and 2t + 1, and eight rows on, of column g
//   d[0…1], d[2…3]   rows g and g + 8, columns 2t and 2t + 1
//
// and four blocks of 8 × 8 numbers out of shared memory, as such registers: lane 8i + r gives the
// place of row r of block i, 16-byte aligned; q[i] is of row g, columns 2t and 2t + 1 of block i,
// or, TRANSPOSED, of rows 2t and 2t + 1, column g.
//
// Source: PTX ISA, "Matrix fragments for mma.m16n8k16 with floating point type", "ldmatrix".

namespace matmul {

#ifdef DRAWBAR_EMULATED

template <class T>
inline void mma_16x8x16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  static unsigned lefts[1024][4], rights[1024][2];
  const unsigned thread = drawbar_thread_in_block(), warp = thread / 32 * 32, lane = thread % 32;
  for (int i = 0; i < 4; ++i) lefts[thread][i] = a[i];
  for (int i = 0; i < 2; ++i) rights[thread][i] = b[i];
  __syncwarp();
  const auto number = [](unsigned pair, unsigned half) {
    return to_compute(T{static_cast<unsigned short>(pair >> (half * 16))});
  };
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = lane / 4, column = lane % 4 * 2 + i % 2;
    float sum = d[i];
    for (unsigned k = 0; k < 16; ++k) {
      const unsigned place = k % 8 / 2, high = k / 8;
      sum += number(lefts[warp + row * 4 + place][high * 2 + i / 2], k % 2) *
             number(rights[warp + column * 4 + place][high], k % 2);
    }
    d[i] = sum;
  }
  __syncwarp();
}

template <bool TRANSPOSED>
inline void load_blocks(const unsigned short* row, unsigned (&q)[4]) {
  static const unsigned short* rows[1024];
  const unsigned thread = drawbar_thread_in_block(), lane = thread % 32;
  const unsigned g = lane / 4, t = lane % 4 * 2;
  rows[thread] = row;
  __syncwarp();
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned short* const* block = rows + thread / 32 * 32 + i * 8;
    const unsigned low = TRANSPOSED ? block[t][g] : block[g][t];
    const unsigned high = TRANSPOSED ? block[t + 1][g] : block[g][t + 1];
    q[i] = low | high << 16;
  }
  __syncwarp();
}

#else

template <class T>
__device__ __forceinline__ void mma_16x8x16(float (&d)[4], const unsigned (&a)[4],
                                            const unsigned (&b)[2]);
#define DRAWBAR_MMA(T, NAME)                                                            \
  template <>                                                                           \
  __device__ __forceinline__ void mma_16x8x16<T>(float(&d)[4], const unsigned(&a)[4],   \
                                                 const unsigned(&b)[2]) {               \
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." NAME "." NAME                 \
                 ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                       \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));   \
  }
DRAWBAR_MMA(f16, "f16")
DRAWBAR_MMA(bf16, "bf16")
#undef DRAWBAR_MMA

template <bool TRANSPOSED>
__device__ __forceinline__ void load_blocks(const unsigned short* row, unsigned (&q)[4]) {
  const auto place = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (TRANSPOSED) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(q[0]), "=r"(q[1]), "=r"(q[2]), "=r"(q[3])
                 : "r"(place)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(q[0]), "=r"(q[1]), "=r"(q[2]), "=r"(q[3])
                 : "r"(place)
                 : "memory");
  }
}

#endif

}  // namespace matmul

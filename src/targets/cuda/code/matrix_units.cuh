#pragma once

// The matrix units of a warp, from sm_80 on, and their loads from shared memory. With g = lane / 4
// and t = lane % 4, in registers of 32 bits:
//
// mma_16x8x16: d += a · b with a [16, 16], b [16, 8] of f16 or bf16 and d [16, 8] of float. A lane
// holds, two numbers a register,
//
//   a[0], a[1]       rows g and g + 8, columns 2t and 2t + 1
//   a[2], a[3]       the same, eight columns on
//   b[0], b[1]       rows 2t and 2t + 1, and eight rows on, of column g
//   d[0…1], d[2…3]   rows g and g + 8, columns 2t and 2t + 1
//
// mma_16x8x8: the same with a [16, 8] of A and b [8, 8] of B, numbers of TF32, one a register,
//
//   a[0], a[1]       rows g and g + 8, column t
//   a[2], a[3]       the same, four columns on
//   b[0], b[1]       rows t and t + 4, column g
//   d[0…1], d[2…3]   rows g and g + 8, columns 2t and 2t + 1
//
// mma_16x8x32: the same with a [16, 32] of A and b [32, 8] of B, each signed or unsigned char, and
// d of int, which wraps; four numbers a register,
//
//   a[0], a[1]       rows g and g + 8, columns 4t to 4t + 3
//   a[2], a[3]       the same, sixteen columns on
//   b[0], b[1]       rows 4t to 4t + 3, and sixteen rows on, of column g
//   d[0…1], d[2…3]   rows g and g + 8, columns 2t and 2t + 1
//
// load_blocks: four blocks of 8 × 8 halves out of shared memory, as such registers. Lane 8i + r
// gives the place of row r of block i, 16-byte aligned; q[i] is of row g, columns 2t and 2t + 1 of
// block i, or, TRANSPOSED, of rows 2t and 2t + 1, column g.
//
// Source: PTX ISA, "Matrix fragments for mma.m16n8k16 with floating point type", "Matrix fragments
// for mma.m16n8k8", "Matrix fragments for mma.m16n8k32", "ldmatrix".

/// A float of 10 bits behind the binary point instead of 23, the others being 0. It holds f16 and
/// bf16 as they are.
struct tf32 {
  unsigned bits;
};

/// ROWS × COLUMNS results a block, WARP_ROWS × WARP_COLUMNS a warp; of a lane's row_sums ×
/// column_sums of them, which lie as the steps below have them, row(i) and column(i) are the
/// places.
template <int ROWS, int COLUMNS, int WARP_ROWS, int WARP_COLUMNS>
struct WarpTile {
  static constexpr int rows = ROWS, columns = COLUMNS;
  static constexpr int warp_rows = WARP_ROWS, warp_columns = WARP_COLUMNS;
  static constexpr int threads = ROWS / WARP_ROWS * (COLUMNS / WARP_COLUMNS) * 32;
  static constexpr int row_sums = WARP_ROWS / 8, column_sums = WARP_COLUMNS / 4;

  static __device__ __forceinline__ int warp_row() {
    return static_cast<int>(threadIdx.x) / 32 / (COLUMNS / WARP_COLUMNS) * WARP_ROWS;
  }
  static __device__ __forceinline__ int warp_column() {
    return static_cast<int>(threadIdx.x) / 32 % (COLUMNS / WARP_COLUMNS) * WARP_COLUMNS;
  }
  static __device__ __forceinline__ int row(int i) {
    return warp_row() + i * 8 + static_cast<int>(threadIdx.x) % 32 / 4;
  }
  static __device__ __forceinline__ int column(int i) {
    return warp_column() + i / 2 * 8 + static_cast<int>(threadIdx.x) % 4 * 2 + i % 2;
  }
};

/// Two numbers, the first one in the low half.
template <class T>
__device__ __forceinline__ unsigned pair_of(float low, float high) {
  return from_compute<T>(low).bits | static_cast<unsigned>(from_compute<T>(high).bits) << 16;
}

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

/// Rounded to nearest, ties away from 0, as the unit of conversion does.
inline tf32 to_tf32(float value) {
  const unsigned bits = float_to_bits(value);
  if (value != value) return {0x7fffe000u};
  return {(bits & 0x7f800000u) == 0x7f800000u ? bits : (bits + 0x1000u) & ~0x1fffu};
}

inline void mma_16x8x8(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  static unsigned lefts[1024][4], rights[1024][2];
  const unsigned thread = drawbar_thread_in_block(), warp = thread / 32 * 32, lane = thread % 32;
  // The unit does not read the other bits.
  for (int i = 0; i < 4; ++i) lefts[thread][i] = a[i] & ~0x1fffu;
  for (int i = 0; i < 2; ++i) rights[thread][i] = b[i] & ~0x1fffu;
  __syncwarp();
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = lane / 4, column = lane % 4 * 2 + i % 2;
    float sum = d[i];
    for (unsigned k = 0; k < 8; ++k) {
      const unsigned place = k % 4, high = k / 4;
      sum += bits_to_float(lefts[warp + row * 4 + place][high * 2 + i / 2]) *
             bits_to_float(rights[warp + column * 4 + place][high]);
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

template <class A, class B>
inline void mma_16x8x32(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  static unsigned lefts[1024][4], rights[1024][2];
  const unsigned thread = drawbar_thread_in_block(), warp = thread / 32 * 32, lane = thread % 32;
  for (int i = 0; i < 4; ++i) lefts[thread][i] = a[i];
  for (int i = 0; i < 2; ++i) rights[thread][i] = b[i];
  __syncwarp();
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = lane / 4, column = lane % 4 * 2 + i % 2;
    unsigned sum = static_cast<unsigned>(d[i]);
    for (unsigned k = 0; k < 32; ++k) {
      const unsigned place = k % 16 / 4, high = k / 16, shift = k % 4 * 8;
      const int left = static_cast<A>(lefts[warp + row * 4 + place][high * 2 + i / 2] >> shift);
      const int right = static_cast<B>(rights[warp + column * 4 + place][high] >> shift);
      sum += static_cast<unsigned>(left * right);
    }
    d[i] = static_cast<int>(sum);
  }
  __syncwarp();
}

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

__device__ __forceinline__ tf32 to_tf32(float value) {
  unsigned result;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(result) : "f"(value));
  return {result};
}

__device__ __forceinline__ void mma_16x8x8(float (&d)[4], const unsigned (&a)[4],
                                           const unsigned (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

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

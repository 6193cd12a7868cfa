#pragma once

#include "ops/matmul/cuda_multiply.cuh"
#include "targets/cuda/code/matrix_units.cuh"

// Tiles of cuda_multiply.cuh on the matrix units: both factors f16 (or f8, which f16 holds), both
// bf16, or what they are rounded to TF32; sums in float.

namespace matmul {

#ifdef DRAWBAR_EMULATED
inline unsigned short half_of(f8e4m3 value) { return float_to_half(to_compute(value)); }
#else
/// As f16, which holds every f8.
__device__ __forceinline__ unsigned short half_of(f8e4m3 value) {
#if __CUDA_ARCH__ >= 890
  unsigned pair;
  asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(pair) : "h"(static_cast<unsigned short>(value.bits)));
  return static_cast<unsigned short>(pair);
#else
  // f16 has a bit more of exponent, whose zero lies 8 higher.
  const auto shifted =
      static_cast<unsigned short>((value.bits & 0x80u) << 8 | (value.bits & 0x7fu) << 7);
  unsigned short scaled;
  asm("mul.f16 %0, %1, %2;"
      : "=h"(scaled)
      : "h"(shifted), "h"(static_cast<unsigned short>(0x5c00)));
  return (value.bits & 0x7fu) == 0x7fu ? static_cast<unsigned short>(0x7e00) : scaled;
#endif
}
#endif

/// The factors of a tile: how they lie in shared memory, and the product of 16 rows and 8 columns
/// that one step of the units adds up.
template <class T>
struct MmaFactors {
  using Bits = unsigned short;
  static constexpr int depth = 32, step = 16;

  static __device__ __forceinline__ Bits bits(T value) { return value.bits; }
  static __device__ __forceinline__ Bits bits(f8e4m3 value) { return half_of(value); }
  static __device__ __forceinline__ void add(float (&d)[4], const unsigned (&a)[4],
                                             const unsigned (&b)[2]) {
    mma_16x8x16<T>(d, a, b);
  }
};
template <>
struct MmaFactors<tf32> {
  using Bits = unsigned;
  static constexpr int depth = 16, step = 8;

  template <class T>
  static __device__ __forceinline__ Bits bits(T value) {
    return to_tf32(to_compute(value)).bits;
  }
  static __device__ __forceinline__ void add(float (&d)[4], const unsigned (&a)[4],
                                             const unsigned (&b)[2]) {
    mma_16x8x8(d, a, b);
  }
};

template <int ROWS, int COLUMNS, int WARP_ROWS, int WARP_COLUMNS, class T>
struct MmaTile : WarpTile<ROWS, COLUMNS, WARP_ROWS, WARP_COLUMNS> {
  using Factors = MmaFactors<T>;
  static constexpr int depth = Factors::depth, neighbours = 2;
};

/// A side's numbers in shared memory as they come from memory, [line][k] or [k][line].
template <class Source, int LINES, class Factors>
struct MmaStage {
  using Bits = typename Factors::Bits;
  static constexpr bool along_depth = Source::along_depth;
  static constexpr bool halves = sizeof(Bits) == 2;
  static constexpr int most = 16 / sizeof(Bits);  // in one load
  // Apart so that no load of a warp meets a bank twice.
  static constexpr int pitch = (along_depth ? Factors::depth : LINES) + (along_depth ? most : 8);
  static constexpr int size = (along_depth ? LINES : Factors::depth) * pitch;

  /// 16 lines by a step of the depth: q[i] is of lines i % 2 * 8 on and of the half i / 2 of the
  /// step, as the units want it where a line is a row.
  static __device__ __forceinline__ void block(const Bits* from, int line, int k,
                                               unsigned (&q)[4]) {
    const int lane = static_cast<int>(threadIdx.x) % 32, inside = lane % 8;
    if constexpr (halves) {
      const int first_line = line + lane / 8 % 2 * 8, first_k = k + lane / 16 * 8;
      if constexpr (along_depth) {
        load_blocks<false>(from + (first_line + inside) * pitch + first_k, q);
      } else {
        load_blocks<true>(from + (first_k + inside) * pitch + first_line, q);
      }
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int own_line = line + i % 2 * 8 + lane / 4, own_k = k + i / 2 * 4 + lane % 4;
        q[i] = from[along_depth ? own_line * pitch + own_k : own_k * pitch + own_line];
      }
    }
  }

  /// What Side fetched.
  template <class FetchedSide>
  static __device__ __forceinline__ void store(const FetchedSide& side, Bits* to) {
    constexpr int width = FetchedSide::width, group = width < most ? width : most;
#pragma unroll
    for (int i = 0; i < FetchedSide::loads; ++i) {
      if (!side.takes(i)) continue;
      const int other = side.second + i * FetchedSide::step;
#pragma unroll
      for (int j = 0; j < width; j += group) {
        Several<Bits, group> several;
#pragma unroll
        for (int n = 0; n < group; ++n) several.at[n] = Factors::bits(side.values[i].at[j + n]);
        *reinterpret_cast<Several<Bits, group>*>(to + other * pitch + side.first + j) = several;
      }
    }
  }
};

template <int ROWS, int COLUMNS, int WARP_ROWS, int WARP_COLUMNS, class T, class Left, class Right>
__device__ __forceinline__ void accumulate(MmaTile<ROWS, COLUMNS, WARP_ROWS, WARP_COLUMNS, T>,
                                           const Left& left, const Right& right, int row,
                                           int column, int begin, int end,
                                           float (&sums)[WARP_ROWS / 8][WARP_COLUMNS / 4]) {
  using Tile = MmaTile<ROWS, COLUMNS, WARP_ROWS, WARP_COLUMNS, T>;
  using Factors = typename Tile::Factors;
  using Bits = typename Factors::Bits;
  using LeftStage = MmaStage<Left, ROWS, Factors>;
  using RightStage = MmaStage<Right, COLUMNS, Factors>;
  constexpr int most = LeftStage::most;
  __shared__ Several<Bits, most> left_tile[2][LeftStage::size / most];
  __shared__ Several<Bits, most> right_tile[2][RightStage::size / most];
  const int warp_row = Tile::warp_row(), warp_column = Tile::warp_column();
  Side<float, Left, ROWS, Tile::depth, Tile::threads> left_side(left, row);
  Side<float, Right, COLUMNS, Tile::depth, Tile::threads> right_side(right, column);
  int stage = 0;
  // A step's numbers are fetched while those of the one before are multiplied.
#pragma unroll 1
  for (int k = begin; k < end + Tile::depth; k += Tile::depth) {
    const bool more = k < end;
    if (more) {
      left_side.fetch(k);
      right_side.fetch(k);
    }
    if (k != begin) {
      const Bits* lefts = left_tile[stage ^ 1]->at;
      const Bits* rights = right_tile[stage ^ 1]->at;
#pragma unroll
      for (int step = 0; step < Tile::depth; step += Factors::step) {
        unsigned b[WARP_COLUMNS / 8][2];
#pragma unroll
        for (int c = 0; c < WARP_COLUMNS / 8; c += 2) {
          unsigned q[4];
          RightStage::block(rights, warp_column + c * 8, step, q);
          b[c][0] = q[0];
          b[c][1] = q[2];
          b[c + 1][0] = q[1];
          b[c + 1][1] = q[3];
        }
#pragma unroll
        for (int r = 0; r < WARP_ROWS / 16; ++r) {
          unsigned a[4];
          LeftStage::block(lefts, warp_row + r * 16, step, a);
#pragma unroll
          for (int c = 0; c < WARP_COLUMNS / 8; ++c) {
            float d[4] = {sums[r * 2][c * 2], sums[r * 2][c * 2 + 1], sums[r * 2 + 1][c * 2],
                          sums[r * 2 + 1][c * 2 + 1]};
            Factors::add(d, a, b[c]);
            sums[r * 2][c * 2] = d[0];
            sums[r * 2][c * 2 + 1] = d[1];
            sums[r * 2 + 1][c * 2] = d[2];
            sums[r * 2 + 1][c * 2 + 1] = d[3];
          }
        }
      }
    }
    if (more) {
      LeftStage::store(left_side, left_tile[stage]->at);
      RightStage::store(right_side, right_tile[stage]->at);
    }
    __syncthreads();
    stage ^= 1;
  }
}

}  // namespace matmul

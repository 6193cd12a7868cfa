#pragma once

#include "ops/matmul/cuda_multiply.cuh"
#include "targets/cuda/code/matrix_units.cuh"

// Tiles of cuda_multiply.cuh on the matrix units: both factors f16 or both bf16, sums in float.

namespace matmul {

template <int ROWS, int COLUMNS, int WARP_ROWS, int WARP_COLUMNS>
struct MmaTile : WarpTile<ROWS, COLUMNS, WARP_ROWS, WARP_COLUMNS> {
  static constexpr int depth = 32, neighbours = 2;
};

/// A side's numbers in shared memory as they come from memory, [line][k] or [k][line], with rows
/// that are apart by an odd number of 16 bytes.
template <class Source, int LINES, int DEPTH>
struct MmaStage {
  static constexpr bool along_depth = Source::along_depth;
  static constexpr int pitch = (along_depth ? DEPTH : LINES) + 8;
  static constexpr int size = (along_depth ? LINES : DEPTH) * pitch;

  /// 16 lines by 16 of the depth: q[i] is of lines i % 2 * 8 on and numbers i / 2 * 8 on, a
  /// register as load_blocks gives them, its row a line.
  static __device__ __forceinline__ void block(const unsigned short* from, int line, int k,
                                               unsigned (&q)[4]) {
    const int lane = static_cast<int>(threadIdx.x) % 32, inside = lane % 8;
    const int first_line = line + lane / 8 % 2 * 8, first_k = k + lane / 16 * 8;
    if constexpr (along_depth) {
      load_blocks<false>(from + (first_line + inside) * pitch + first_k, q);
    } else {
      load_blocks<true>(from + (first_k + inside) * pitch + first_line, q);
    }
  }
};

/// What Side fetched, into shared memory.
template <class Stage, class FetchedSide>
__device__ __forceinline__ void store_halves(const FetchedSide& side, unsigned short* to) {
  constexpr int width = FetchedSide::width;
#pragma unroll
  for (int i = 0; i < FetchedSide::loads; ++i) {
    if (!side.takes(i)) continue;
    const int other = side.second + i * FetchedSide::step;
    Several<unsigned short, width> bits;
#pragma unroll
    for (int j = 0; j < width; ++j) bits.at[j] = side.values[i].at[j].bits;
    *reinterpret_cast<Several<unsigned short, width>*>(to + other * Stage::pitch + side.first) =
        bits;
  }
}

template <int ROWS, int COLUMNS, int WARP_ROWS, int WARP_COLUMNS, class Left, class Right>
__device__ __forceinline__ void accumulate(MmaTile<ROWS, COLUMNS, WARP_ROWS, WARP_COLUMNS>,
                                           const Left& left, const Right& right, int row,
                                           int column, int begin, int end,
                                           float (&sums)[WARP_ROWS / 8][WARP_COLUMNS / 4]) {
  using Tile = MmaTile<ROWS, COLUMNS, WARP_ROWS, WARP_COLUMNS>;
  using T = typename Left::Element;
  using LeftStage = MmaStage<Left, ROWS, Tile::depth>;
  using RightStage = MmaStage<Right, COLUMNS, Tile::depth>;
  __shared__ Several<unsigned short, 8> left_tile[2][LeftStage::size / 8];
  __shared__ Several<unsigned short, 8> right_tile[2][RightStage::size / 8];
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
      const unsigned short* lefts = left_tile[stage ^ 1]->at;
      const unsigned short* rights = right_tile[stage ^ 1]->at;
#pragma unroll
      for (int step = 0; step < Tile::depth; step += 16) {
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
            mma_16x8x16<T>(d, a, b[c]);
            sums[r * 2][c * 2] = d[0];
            sums[r * 2][c * 2 + 1] = d[1];
            sums[r * 2 + 1][c * 2] = d[2];
            sums[r * 2 + 1][c * 2 + 1] = d[3];
          }
        }
      }
    }
    if (more) {
      store_halves<LeftStage>(left_side, left_tile[stage]->at);
      store_halves<RightStage>(right_side, right_tile[stage]->at);
    }
    __syncthreads();
    stage ^= 1;
  }
}

}  // namespace matmul

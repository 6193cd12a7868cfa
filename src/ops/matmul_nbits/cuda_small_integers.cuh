#pragma once

#include "ops/matmul/cuda_multiply.cuh"

// Products with weights of 2, 4 or 8 bits, which are brought to floats on their way into registers
// or shared memory. Everything goes by chunks of eight neighbours along K, which share a block and
// are one load.

namespace matmul_nbits {

enum class ZeroPoints { none, packed, numbers };

template <int BITS>
struct ChunkWord;
template <>
struct ChunkWord<2> {
  using type = unsigned short;
};
template <>
struct ChunkWord<4> {
  using type = unsigned;
};
template <>
struct ChunkWord<8> {
  using type = u64;
};

/// b [N, blocks, BLOCK * BITS / 8], scales [N, blocks], zeros [N, blocks] or
/// [N, ceil(blocks * BITS / 8)].
template <int K, int N, int BITS, int BLOCK, ZeroPoints ZEROS>
struct Format {
  static constexpr int depth = K, columns = N;
  static constexpr int blocks = (K + BLOCK - 1) / BLOCK;
  static constexpr i64 line_bytes = static_cast<i64>(blocks) * (BLOCK / 8 * BITS);
  static constexpr i64 zero_bytes = (static_cast<i64>(blocks) * BITS + 7) / 8;

  template <class Z>
  static __device__ __forceinline__ float zero_point(const Z* zeros, int column, int block) {
    if constexpr (ZEROS == ZeroPoints::none) {
      return static_cast<float>(1 << (BITS - 1));
    } else if constexpr (ZEROS == ZeroPoints::numbers) {
      return to_compute(zeros[static_cast<i64>(column) * blocks + block]);
    } else {
      const unsigned byte = zeros[column * zero_bytes + static_cast<i64>(block) * BITS / 8];
      return static_cast<float>(byte >> (block * BITS % 8) & ((1 << BITS) - 1));
    }
  }

  /// Eight weights from number k of a column on; k is a multiple of eight below K.
  template <class S, class Z>
  static __device__ __forceinline__ void read(const unsigned char* b, const S* scales,
                                              const Z* zeros, int column, int k,
                                              float (&weights)[8]) {
    using Word = typename ChunkWord<BITS>::type;
    const Word word =
        *reinterpret_cast<const Word*>(b + (column * line_bytes + static_cast<i64>(k) * BITS / 8));
    const float scale = to_compute(scales[static_cast<i64>(column) * blocks + k / BLOCK]);
    const float zero = zero_point(zeros, column, k / BLOCK);
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      // 2^23 + q has q in its low bits.
      const unsigned q = static_cast<unsigned>(word >> (j * BITS)) & ((1u << BITS) - 1);
      weights[j] = (bits_to_float(0x4b000000u | q) - 8388608.0f - zero) * scale;
    }
  }
};

/// As a source of matmul::accumulate, whose lines are columns.
template <class Format, class S, class Z>
struct Weights {
  using Element = float;
  static constexpr int width = 8;
  static constexpr bool along_depth = true;
  static constexpr int even = 1;
  static constexpr i64 depth_step = 0;  // not used where loads are along the depth
  using Line = int;
  using Depth = int;

  const unsigned char* b;
  const S* scales;
  const Z* zeros;

  __device__ __forceinline__ Line line(int i) const { return i < Format::columns ? i : -1; }
  __device__ __forceinline__ Depth depth(int k) const { return k < Format::depth ? k : -1; }
  __device__ __forceinline__ Several<float, 8> load(Line line, Depth depth, i64 = 0) const {
    Several<float, 8> result = {};
    if (line >= 0 && depth >= 0) Format::read(b, scales, zeros, line, depth, result.at);
    return result;
  }
};

/// Many rows of a.
template <class Format, class Tile, int ROWS, int A_WIDTH, bool HAS_BIAS, class T, class Z>
__device__ __forceinline__ void multiply(const T* a, const unsigned char* b, const T* scales,
                                         const Z* zeros, const T* bias, T* y) {
  constexpr int row_tiles = (ROWS + Tile::rows - 1) / Tile::rows;
  const int first_row = static_cast<int>(blockIdx.x) % row_tiles * Tile::rows;
  const int first_column = static_cast<int>(blockIdx.x) / row_tiles * Tile::columns;
  const matmul::Matrix<T, ROWS, Format::depth, Format::depth, 1, true, A_WIDTH> left = {a};
  const Weights<Format, T, Z> right = {b, scales, zeros};
  float sums[Tile::row_sums][Tile::column_sums] = {};
  matmul::accumulate(Tile(), left, right, first_row, first_column, 0, Format::depth, sums);
#pragma unroll
  for (int c = 0; c < Tile::column_sums; ++c) {
    const int column = first_column + Tile::column(c);
    if (column >= Format::columns) continue;
    const float more = HAS_BIAS ? to_compute(bias[column]) : 0.0f;
#pragma unroll
    for (int r = 0; r < Tile::row_sums; ++r) {
      const int row = first_row + Tile::row(r);
      if (row < ROWS)
        y[static_cast<i64>(row) * Format::columns + column] = from_compute<T>(sums[r][c] + more);
    }
  }
}

constexpr int few_threads = 256;

/// Up to eight rows of a: a warp takes COLUMNS columns, which share what it reads of a.
template <class Format, int COLUMNS, int ROWS, int A_WIDTH, bool HAS_BIAS, class T, class Z>
__device__ __forceinline__ void multiply_few(const T* a, const unsigned char* b, const T* scales,
                                             const Z* zeros, const T* bias, T* y) {
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
  const int first = (static_cast<int>(blockIdx.x) * (few_threads / 32) + thread / 32) * COLUMNS;
  float sums[ROWS][COLUMNS] = {};
#pragma unroll(ROWS <= 2 ? 4 : 1)
  for (int k = lane * 8; k < Format::depth; k += 32 * 8) {
    float weights[COLUMNS][8];
#pragma unroll
    for (int c = 0; c < COLUMNS; ++c) {
      const int column = first + c < Format::columns ? first + c : Format::columns - 1;
      Format::read(b, scales, zeros, column, k, weights[c]);
    }
#pragma unroll
    for (int row = 0; row < ROWS; ++row) {
      const T* line = a + (static_cast<i64>(row) * Format::depth + k);
#pragma unroll
      for (int i = 0; i < 8; i += A_WIDTH) {
        if (k + i >= Format::depth) continue;
        const auto x = *reinterpret_cast<const Several<T, A_WIDTH>*>(line + i);
#pragma unroll
        for (int j = 0; j < A_WIDTH; ++j) {
#pragma unroll
          for (int c = 0; c < COLUMNS; ++c) sums[row][c] += to_compute(x.at[j]) * weights[c][i + j];
        }
      }
    }
  }
#pragma unroll
  for (int row = 0; row < ROWS; ++row) {
#pragma unroll
    for (int c = 0; c < COLUMNS; ++c) {
      const float sum = warp_reduce<Sum<float>>(sums[row][c]);
      if (lane != 0 || first + c >= Format::columns) continue;
      const float more = HAS_BIAS ? to_compute(bias[first + c]) : 0.0f;
      y[static_cast<i64>(row) * Format::columns + first + c] = from_compute<T>(sum + more);
    }
  }
}

}  // namespace matmul_nbits

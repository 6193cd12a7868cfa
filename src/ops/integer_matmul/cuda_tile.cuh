#pragma once

#include "ops/integer_matmul/cuda_sides.cuh"

// Products of bytes in tiles through shared memory. Rows are the positions of a convolution's
// window in all images, columns the output channels of a group; the depth counts taps, and channels
// fastest. A product of matrices is a convolution with one tap. A Shape says:
//
//   Axis D, H, W                   the spatial axes (ops/conv/cuda_window.cuh), missing ones in
//                                  front
//   int images, groups, channels, outputs    the last two of a group
//   int rows, columns, depth, splits         columns are outputs; pieces of the depth
//   i64 x_image, x_channel         steps
//   int x_width                    bytes of a copy of x: 16, 8, 4, or 1 where bytes are gathered
//   int line                       bytes of a channel's weights: depth, filled up to 16
//   i64 y_image, y_position, y_channel       steps
//   int y_width                    neighbours in y that are one store
//   bool w_zeros                   whether weights have zero points
//   Input, Weight, Bytes           types of x, of weights, and of the product where it is bytes

namespace integer_matmul {

/// This thread's sums, and those of x along its rows, which only zero points of weights need.
template <class Tile>
struct Sums {
  int at[Tile::row_sums][Tile::column_sums], x[Tile::row_sums];
};

__device__ __forceinline__ unsigned word_at(const unsigned char* tile, int line, int k) {
  return *reinterpret_cast<const unsigned*>(tile + line * tile_pitch + k);
}

/// Adds the products of one stage.
template <class Shape, class Tile>
__device__ __forceinline__ void multiply_stage(const unsigned char* lefts,
                                               const unsigned char* rights, Sums<Tile>& sums) {
  using X = typename Shape::Input;
  using W = typename Shape::Weight;
  using XSums = quantize::FourProducts<X, X>;
  constexpr unsigned ones = 0x01010101u;
  if constexpr (Tile::units) {
    const int lane = static_cast<int>(threadIdx.x) % 32, line = lane / 4, quad = lane % 4 * 4;
#pragma unroll
    for (int step = 0; step < tile_depth; step += 32) {
      unsigned b[Tile::warp_columns / 8][2];
#pragma unroll
      for (int c = 0; c < Tile::warp_columns / 8; ++c) {
#pragma unroll
        for (int i = 0; i < 2; ++i)
          b[c][i] = word_at(rights, Tile::warp_column() + c * 8 + line, step + quad + i * 16);
      }
#pragma unroll
      for (int r = 0; r < Tile::warp_rows / 16; ++r) {
        unsigned a[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          a[i] = word_at(lefts, Tile::warp_row() + r * 16 + i % 2 * 8 + line,
                         step + quad + i / 2 * 16);
          if constexpr (Shape::w_zeros)
            sums.x[r * 2 + i % 2] = XSums::add(a[i], ones, sums.x[r * 2 + i % 2]);
        }
#pragma unroll
        for (int c = 0; c < Tile::warp_columns / 8; ++c) {
          int d[4] = {sums.at[r * 2][c * 2], sums.at[r * 2][c * 2 + 1], sums.at[r * 2 + 1][c * 2],
                      sums.at[r * 2 + 1][c * 2 + 1]};
          mma_16x8x32<X, W>(d, a, b[c]);
          sums.at[r * 2][c * 2] = d[0];
          sums.at[r * 2][c * 2 + 1] = d[1];
          sums.at[r * 2 + 1][c * 2] = d[2];
          sums.at[r * 2 + 1][c * 2 + 1] = d[3];
        }
      }
    }
  } else {
#pragma unroll 4
    for (int k = 0; k < tile_depth; k += 4) {
      unsigned b[Tile::column_sums];
#pragma unroll
      for (int c = 0; c < Tile::column_sums; ++c) b[c] = word_at(rights, Tile::column(c), k);
#pragma unroll
      for (int r = 0; r < Tile::row_sums; ++r) {
        const unsigned a = word_at(lefts, Tile::row(r), k);
        if constexpr (Shape::w_zeros) sums.x[r] = XSums::add(a, ones, sums.x[r]);
#pragma unroll
        for (int c = 0; c < Tile::column_sums; ++c)
          sums.at[r][c] = quantize::FourProducts<X, W>::add(a, b[c], sums.at[r][c]);
      }
    }
  }
}

/// Shared memory of a block: stages, and then the tile's bytes on their way into y.
template <class Tile>
struct Memory {
  static constexpr int stage = (Tile::rows + Tile::columns) * tile_pitch;
  static constexpr int y_pitch = Tile::columns + 16;
  static constexpr int bytes = Tile::stages * stage;
  static_assert(Tile::rows * y_pitch <= bytes, "a tile of y fits");
};

/// What a block computes, and how far along the depth.
template <class Shape, class Tile>
struct BlockPlace : matmul::Place<Shape, Tile::rows, Tile::columns> {
  int begin, end;
  __device__ __forceinline__ BlockPlace() {
    const matmul::Piece<Shape, tile_depth> piece(this->split, Shape::depth);
    begin = piece.begin;
    end = piece.end;
  }
};

template <class Shape, class Tile, class Known>
__device__ __forceinline__ void accumulate(const BlockPlace<Shape, Tile>& place,
                                           const typename Shape::Input* x,
                                           const typename Shape::Weight* w, const Known& known,
                                           unsigned char* memory, Sums<Tile>& sums) {
  constexpr int stages = Tile::stages;
  const PixelSide<Shape, Tile::rows, Tile::threads> left(
      x + static_cast<i64>(place.part) * Shape::channels * Shape::x_channel, known.x_zero(),
      place.row);
  const WeightSide<Shape, Tile::columns, Tile::threads> right(w, place.part, place.column);
  const int steps = (place.end - place.begin + tile_depth - 1) / tile_depth;
  const auto fetch = [&](int step) {
    if (step < steps) {
      unsigned char* to = memory + step % stages * Memory<Tile>::stage;
      const int k = place.begin + step * tile_depth;
      left.fetch(k, place.end, to);
      right.fetch(k, place.end, to + Tile::rows * tile_pitch);
    }
    end_copies();
  };
#pragma unroll
  for (int step = 0; step < stages - 1; ++step) fetch(step);
#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    wait_for_copies<stages - 2>();
    __syncthreads();
    fetch(step + stages - 1);
    const unsigned char* from = memory + step % stages * Memory<Tile>::stage;
    multiply_stage<Shape, Tile>(from, from + Tile::rows * tile_pitch, sums);
  }
  wait_for_copies<0>();
  if constexpr (Shape::w_zeros) {
#pragma unroll
    for (int r = 0; r < Tile::row_sums; ++r) {
      if constexpr (Tile::units) {  // a lane of four has a quarter of its row
        sums.x[r] += __shfl_xor_sync(0xffffffffu, sums.x[r], 1);
        sums.x[r] += __shfl_xor_sync(0xffffffffu, sums.x[r], 2);
      }
#pragma unroll
      for (int c = 0; c < Tile::column_sums; ++c) {
        const int column = place.column + Tile::column(c);
        if (column >= Shape::columns) continue;
        const int zero = known.w_zero(place.part * Shape::outputs + column);
        sums.at[r][c] = wrapping_difference(sums.at[r][c], wrapping_product(zero, sums.x[r]));
      }
    }
  }
}

/// The place in y of a row's first channel.
template <class Shape>
__device__ __forceinline__ i64 y_of_row(int row) {
  constexpr int positions = Shape::rows / Shape::images;
  if constexpr (Shape::y_image == positions * Shape::y_position) return row * Shape::y_position;
  return row / positions * Shape::y_image + row % positions * Shape::y_position;
}

/// Calls body(row, column, place in y) for each run of y_width bytes of the tile that is in y.
template <class Shape, class Tile, class Body>
__device__ __forceinline__ void for_runs(const BlockPlace<Shape, Tile>& place, const Body& body) {
  constexpr int width = Shape::y_width, runs = Tile::columns / width;
  // Neighbouring threads write neighbours.
  constexpr bool along_columns = Shape::y_channel == 1;
#pragma unroll 2
  for (int i = static_cast<int>(threadIdx.x); i < Tile::rows * runs; i += Tile::threads) {
    const int row = along_columns ? i / runs : i % Tile::rows;
    const int column = (along_columns ? i % runs : i / Tile::rows) * width;
    if (place.row + row >= Shape::rows || place.column + column >= Shape::columns) continue;
    const i64 channel = place.part * Shape::outputs + place.column + column;
    body(row, column, y_of_row<Shape>(place.row + row) + channel * Shape::y_channel);
  }
}

/// The tile as bytes, in shared memory.
template <class Shape, class Tile, class Known>
__device__ __forceinline__ void write_bytes(const BlockPlace<Shape, Tile>& place,
                                            const Sums<Tile>& sums, const Known& known,
                                            unsigned char* memory) {
  using Q = typename Shape::Bytes;
  __syncthreads();
#pragma unroll
  for (int c = 0; c < Tile::column_sums; c += 2) {
    const int column = Tile::column(c), left = Shape::columns - place.column - column;
    if (left <= 0) continue;
    const int channel = place.part * Shape::outputs + place.column + column;
    const Finish<Q> first(known, channel), second(known, channel + (left > 1 ? 1 : 0));
#pragma unroll
    for (int r = 0; r < Tile::row_sums; ++r) {
      const Several<Q, 2> pair = {{first(sums.at[r][c]), second(sums.at[r][c + 1])}};
      *reinterpret_cast<Several<Q, 2>*>(memory + Tile::row(r) * Memory<Tile>::y_pitch + column) =
          pair;
    }
  }
  __syncthreads();
}

/// Known is Parameters or Given, whose pointers come last.
template <class Shape, class Tile, class Known, class Y, class... Pointers>
__device__ __forceinline__ void multiply(const typename Shape::Input* x,
                                         const typename Shape::Weight* w, Y* y,
                                         Pointers... pointers) {
  const Known known{pointers...};
  __shared__ Several<unsigned char, 16> memory[Memory<Tile>::bytes / 16];
  const BlockPlace<Shape, Tile> place;
  Sums<Tile> sums = {};
  accumulate(place, x, w, known, memory->at, sums);
  if constexpr (sizeof(Y) == 1) {
    write_bytes(place, sums, known, memory->at);
    constexpr int width = Shape::y_width;
    for_runs(place, [&](int row, int column, i64 at) {
      *reinterpret_cast<Several<Y, width>*>(y + at) = *reinterpret_cast<const Several<Y, width>*>(
          memory->at + row * Memory<Tile>::y_pitch + column);
    });
  } else {
#pragma unroll
    for (int c = 0; c < Tile::column_sums; ++c) {
      const int column = place.column + Tile::column(c);
      if (column >= Shape::columns) continue;
      const int channel = place.part * Shape::outputs + column;
      const Finish<Y> finish(known, channel);
#pragma unroll
      for (int r = 0; r < Tile::row_sums; ++r) {
        const int row = place.row + Tile::row(r);
        if (row < Shape::rows)
          y[y_of_row<Shape>(row) + channel * Shape::y_channel] = finish(sums.at[r][c]);
      }
    }
  }
}

/// Added to `other`, which lies as y does but has no gaps.
template <class Shape, class Tile, class Known, bool OTHER_FIRST, class O, class Y>
__device__ __forceinline__ void multiply_added(const typename Shape::Input* x,
                                               const typename Shape::Weight* w, const O* other,
                                               Y* y, const int* parameters) {
  const Known known{parameters};
  using Q = typename Shape::Bytes;
  constexpr int width = Shape::y_width;
  __shared__ Several<unsigned char, 16> memory[Memory<Tile>::bytes / 16];
  const BlockPlace<Shape, Tile> place;
  Sums<Tile> sums = {};
  accumulate(place, x, w, known, memory->at, sums);
  write_bytes(place, sums, known, memory->at);
  const AddBytes add(known);
  for_runs(place, [&](int row, int column, i64 at) {
    const auto q = *reinterpret_cast<const Several<Q, width>*>(
        memory->at + row * Memory<Tile>::y_pitch + column);
    const auto others = *reinterpret_cast<const Several<O, width>*>(other + at);
    Several<Y, width> result;
#pragma unroll
    for (int k = 0; k < width; ++k)
      result.at[k] = add.template sum<Y, OTHER_FIRST>(q.at[k], others.at[k]);
    *reinterpret_cast<Several<Y, width>*>(y + at) = result;
  });
}

/// The sums of each split, [splits][rows][groups · outputs].
template <class Shape, class Tile, class Known, class... Pointers>
__device__ __forceinline__ void multiply_pieces(const typename Shape::Input* x,
                                                const typename Shape::Weight* w, int* pieces,
                                                Pointers... pointers) {
  const Known known{pointers...};
  __shared__ Several<unsigned char, 16> memory[Memory<Tile>::bytes / 16];
  constexpr int channels = Shape::groups * Shape::outputs;
  const BlockPlace<Shape, Tile> place;
  Sums<Tile> sums = {};
  accumulate(place, x, w, known, memory->at, sums);
  int* own = pieces + static_cast<i64>(place.split) * Shape::rows * channels;
#pragma unroll
  for (int r = 0; r < Tile::row_sums; ++r) {
    const int row = place.row + Tile::row(r);
    if (row >= Shape::rows) continue;
#pragma unroll
    for (int c = 0; c < Tile::column_sums; ++c) {
      const int column = place.column + Tile::column(c);
      if (column < Shape::columns)
        own[static_cast<i64>(row) * channels + place.part * Shape::outputs + column] =
            sums.at[r][c];
    }
  }
}

/// Calls store(place in y, sums, first channel) with the sums of WIDTH neighbouring channels of a
/// row, of all splits.
template <class Shape, int WIDTH, class Store>
__device__ __forceinline__ void add_up(const int* pieces, const Store& store) {
  constexpr int channels = Shape::groups * Shape::outputs;
  const i64 first = global_thread() * WIDTH;
  if (first >= static_cast<i64>(Shape::rows) * channels) return;
  int sums[WIDTH] = {};
#pragma unroll 4
  for (int split = 0; split < Shape::splits; ++split) {
    const auto some = *reinterpret_cast<const Several<int, WIDTH>*>(
        pieces + (static_cast<i64>(split) * Shape::rows * channels + first));
#pragma unroll
    for (int k = 0; k < WIDTH; ++k) sums[k] = wrapping_sum(sums[k], some.at[k]);
  }
  const int row = static_cast<int>(first / channels), channel = static_cast<int>(first % channels);
  store(y_of_row<Shape>(row) + channel * Shape::y_channel, sums, channel);
}

template <class Shape, int WIDTH, class Known, class Y, class... Pointers>
__device__ __forceinline__ void finish_pieces(const int* pieces, Y* y, Pointers... pointers) {
  const Known known{pointers...};
  add_up<Shape, WIDTH>(pieces, [&](i64 at, const int(&sums)[WIDTH], int channel) {
    Several<Y, WIDTH> result;
#pragma unroll
    for (int k = 0; k < WIDTH; ++k) result.at[k] = Finish<Y>(known, channel + k)(sums[k]);
    *reinterpret_cast<Several<Y, WIDTH>*>(y + at) = result;
  });
}

template <class Shape, int WIDTH, class Known, bool OTHER_FIRST, class O, class Y>
__device__ __forceinline__ void finish_pieces_added(const int* pieces, const O* other, Y* y,
                                                    const int* parameters) {
  using Q = typename Shape::Bytes;
  const Known known{parameters};
  const AddBytes add(known);
  add_up<Shape, WIDTH>(pieces, [&](i64 at, const int(&sums)[WIDTH], int channel) {
    const auto others = *reinterpret_cast<const Several<O, WIDTH>*>(other + at);
    Several<Y, WIDTH> result;
#pragma unroll
    for (int k = 0; k < WIDTH; ++k) {
      const Q q = Finish<Q>(known, channel + k)(sums[k]);
      result.at[k] = add.template sum<Y, OTHER_FIRST>(q, others.at[k]);
    }
    *reinterpret_cast<Several<Y, WIDTH>*>(y + at) = result;
  });
}

}  // namespace integer_matmul

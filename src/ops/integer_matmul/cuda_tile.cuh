#pragma once

#include "ops/conv/cuda_window.cuh"
#include "ops/integer_matmul/cuda_parameters.cuh"
#include "ops/integer_matmul/cuda_units.cuh"

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

constexpr int tile_depth = 64, tile_pitch = tile_depth + 16;  // an odd number of 16 bytes apart

/// ROWS × COLUMNS results a block, WARP_ROWS × WARP_COLUMNS a warp, on the matrix units (UNITS) or
/// by products of four bytes. A lane's sums lie as mma_16x8x32 has them.
template <int ROWS, int COLUMNS, int WARP_ROWS, int WARP_COLUMNS, int STAGES, bool UNITS>
struct Tile {
  static constexpr int rows = ROWS, columns = COLUMNS, stages = STAGES;
  static constexpr bool units = UNITS;
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

/// A position's place in x, of its first tap, which may lie outside; null behind the last one.
template <class Shape>
struct PixelLine {
  const typename Shape::Input* at;
  int d, h, w;

  __device__ __forceinline__ PixelLine() : at(nullptr), d(0), h(0), w(0) {}
  __device__ __forceinline__ PixelLine(const typename Shape::Input* x, int pixel) : PixelLine() {
    if (pixel >= Shape::rows) return;
    const conv::Position position = conv::position_of<Shape>(pixel);
    d = position.d * Shape::D::stride - Shape::D::pad;
    h = position.h * Shape::H::stride - Shape::H::pad;
    w = position.w * Shape::W::stride - Shape::W::pad;
    at = x + (position.image * Shape::x_image + d * Shape::D::x_step + h * Shape::H::x_step +
              w * Shape::W::x_step);
  }
};

/// What number k of the depth adds to that place.
template <class Shape>
struct DepthStep {
  i64 at;
  int d, h, w;

  __device__ __forceinline__ explicit DepthStep(int k) {
    const int tap = k / Shape::channels, channel = k % Shape::channels;
    d = tap / (Shape::H::kernel * Shape::W::kernel) * Shape::D::dilation;
    h = tap / Shape::W::kernel % Shape::H::kernel * Shape::H::dilation;
    w = tap % Shape::W::kernel * Shape::W::dilation;
    at = channel * Shape::x_channel + d * Shape::D::x_step + h * Shape::H::x_step +
         w * Shape::W::x_step;
  }
  __device__ __forceinline__ bool inside(const PixelLine<Shape>& line) const {
    return !Shape::D::misses(line.d + d) && !Shape::H::misses(line.h + h) &&
           !Shape::W::misses(line.w + w);
  }
};

/// Lines of x in copies of x_width bytes: neighbouring threads have neighbours along the depth.
template <class Shape, int LINES, int THREADS, bool GATHERED = (Shape::x_width < 4)>
struct PixelSide {
  static constexpr int width = Shape::x_width, per_line = tile_depth / width;
  static constexpr int step = THREADS / per_line, loads = (LINES + step - 1) / step;

  const void* padding;
  int first, second;
  PixelLine<Shape> lines[loads];

  __device__ __forceinline__ PixelSide(const typename Shape::Input* x, const void* padding_bytes,
                                       int row)
      : padding(padding_bytes) {
    first = static_cast<int>(threadIdx.x) % per_line * width;
    second = static_cast<int>(threadIdx.x) / per_line;
#pragma unroll
    for (int i = 0; i < loads; ++i) lines[i] = PixelLine<Shape>(x, row + second + i * step);
  }
  __device__ __forceinline__ void fetch(int k, int end, unsigned char* to) const {
    const DepthStep<Shape> depth(k + first);
#pragma unroll
    for (int i = 0; i < loads; ++i) {
      if (LINES % step != 0 && second + i * step >= LINES) continue;
      const bool inside = lines[i].at != nullptr && depth.inside(lines[i]);
      const void* from = inside ? static_cast<const void*>(lines[i].at + depth.at) : padding;
      copy_later<width>(to + (second + i * step) * tile_pitch + first, from, k + first < end);
    }
  }
};

/// Byte by byte, where channels do not lie side by side or are odd in number: neighbouring threads
/// have neighbouring positions.
template <class Shape, int LINES, int THREADS>
struct PixelSide<Shape, LINES, THREADS, true> {
  static_assert(THREADS % LINES == 0, "a thread has one line");
  static constexpr int word_step = THREADS / LINES, words = tile_depth / 4;

  unsigned padding;
  int line_index;
  PixelLine<Shape> line;

  __device__ __forceinline__ PixelSide(const typename Shape::Input* x, const void* padding_bytes,
                                       int row)
      : padding(*static_cast<const unsigned char*>(padding_bytes)) {
    line_index = static_cast<int>(threadIdx.x) % LINES;
    line = PixelLine<Shape>(x, row + line_index);
  }
  __device__ __forceinline__ unsigned byte(int k, int end) const {
    if (line.at == nullptr || k >= end) return 0;
    const DepthStep<Shape> depth(k);
    return depth.inside(line) ? static_cast<unsigned char>(line.at[depth.at]) : padding;
  }
  __device__ __forceinline__ void fetch(int k, int end, unsigned char* to) const {
#pragma unroll 2
    for (int word = static_cast<int>(threadIdx.x) / LINES; word < words; word += word_step) {
      unsigned bytes = 0;
#pragma unroll
      for (int j = 0; j < 4; ++j) bytes |= byte(k + word * 4 + j, end) << j * 8;
      *reinterpret_cast<unsigned*>(to + line_index * tile_pitch + word * 4) = bytes;
    }
  }
};

/// Lines of weights [channels][line].
template <class Shape, int LINES, int THREADS>
struct WeightSide {
  static constexpr int width = 16, per_line = tile_depth / width;
  static constexpr int step = THREADS / per_line, loads = (LINES + step - 1) / step;

  const typename Shape::Weight* data;
  int column, first, second;

  __device__ __forceinline__ WeightSide(const typename Shape::Weight* w, int group, int first_column)
      : data(w + static_cast<i64>(group) * Shape::outputs * Shape::line), column(first_column) {
    first = static_cast<int>(threadIdx.x) % per_line * width;
    second = static_cast<int>(threadIdx.x) / per_line;
  }
  __device__ __forceinline__ void fetch(int k, int, unsigned char* to) const {
#pragma unroll
    for (int i = 0; i < loads; ++i) {
      const int line = second + i * step;
      if (LINES % step != 0 && line >= LINES) continue;
      const bool whole = column + line < Shape::outputs && k + first < Shape::line;
      const i64 at = whole ? static_cast<i64>(column + line) * Shape::line + k + first : 0;
      copy_later<width>(to + line * tile_pitch + first, data + at, whole);
    }
  }
};

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

template <class Shape, class Tile>
__device__ __forceinline__ void accumulate(const BlockPlace<Shape, Tile>& place,
                                           const typename Shape::Input* x, const typename Shape::Weight* w,
                                           const int* parameters, unsigned char* memory,
                                           Sums<Tile>& sums) {
  using P = Parameters<Shape::groups * Shape::outputs>;
  constexpr int stages = Tile::stages;
  const PixelSide<Shape, Tile::rows, Tile::threads> left(
      x + static_cast<i64>(place.part) * Shape::channels * Shape::x_channel, parameters + P::x_zero,
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
        const int zero = P{parameters}.w_zero(place.part * Shape::outputs + column);
        sums.at[r][c] = wrapping_sum(sums.at[r][c], -wrapping_product(zero, sums.x[r]));
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
template <class Shape, class Tile>
__device__ __forceinline__ void write_bytes(const BlockPlace<Shape, Tile>& place,
                                            const Sums<Tile>& sums, const int* parameters,
                                            unsigned char* memory) {
  using Q = typename Shape::Bytes;
  const Parameters<Shape::groups * Shape::outputs> known{parameters};
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

template <class Shape, class Tile, class Y>
__device__ __forceinline__ void multiply(const typename Shape::Input* x, const typename Shape::Weight* w,
                                         const int* parameters, Y* y) {
  __shared__ Several<unsigned char, 16> memory[Memory<Tile>::bytes / 16];
  const BlockPlace<Shape, Tile> place;
  Sums<Tile> sums = {};
  accumulate(place, x, w, parameters, memory->at, sums);
  if constexpr (sizeof(Y) == 1) {
    write_bytes(place, sums, parameters, memory->at);
    constexpr int width = Shape::y_width;
    for_runs(place, [&](int row, int column, i64 at) {
      *reinterpret_cast<Several<Y, width>*>(y + at) = *reinterpret_cast<const Several<Y, width>*>(
          memory->at + row * Memory<Tile>::y_pitch + column);
    });
  } else {
    const Parameters<Shape::groups * Shape::outputs> known{parameters};
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
template <class Shape, class Tile, bool OTHER_FIRST, class O, class Y>
__device__ __forceinline__ void multiply_added(const typename Shape::Input* x,
                                               const typename Shape::Weight* w, const int* parameters,
                                               const O* other, Y* y) {
  using Q = typename Shape::Bytes;
  constexpr int width = Shape::y_width;
  __shared__ Several<unsigned char, 16> memory[Memory<Tile>::bytes / 16];
  const BlockPlace<Shape, Tile> place;
  Sums<Tile> sums = {};
  accumulate(place, x, w, parameters, memory->at, sums);
  write_bytes(place, sums, parameters, memory->at);
  const AddBytes add(Parameters<Shape::groups * Shape::outputs>{parameters});
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
template <class Shape, class Tile>
__device__ __forceinline__ void multiply_pieces(const typename Shape::Input* x,
                                                const typename Shape::Weight* w, const int* parameters,
                                                int* pieces) {
  __shared__ Several<unsigned char, 16> memory[Memory<Tile>::bytes / 16];
  constexpr int channels = Shape::groups * Shape::outputs;
  const BlockPlace<Shape, Tile> place;
  Sums<Tile> sums = {};
  accumulate(place, x, w, parameters, memory->at, sums);
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

template <class Shape, int WIDTH, class Y>
__device__ __forceinline__ void finish_pieces(const int* pieces, const int* parameters, Y* y) {
  const Parameters<Shape::groups * Shape::outputs> known{parameters};
  add_up<Shape, WIDTH>(pieces, [&](i64 at, const int(&sums)[WIDTH], int channel) {
    Several<Y, WIDTH> result;
#pragma unroll
    for (int k = 0; k < WIDTH; ++k) result.at[k] = Finish<Y>(known, channel + k)(sums[k]);
    *reinterpret_cast<Several<Y, WIDTH>*>(y + at) = result;
  });
}

template <class Shape, int WIDTH, bool OTHER_FIRST, class O, class Y>
__device__ __forceinline__ void finish_pieces_added(const int* pieces, const int* parameters,
                                                    const O* other, Y* y) {
  using Q = typename Shape::Bytes;
  const Parameters<Shape::groups * Shape::outputs> known{parameters};
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

#pragma once

#include "ops/pointwise/cuda_functions.cuh"

// Products in tiles through shared memory: y(row, column) = sum over k of left(row, k) ·
// right(column, k). MatMul and the convolutions say by a Shape what left, right and y are:
//
//   int rows, columns            of one part (a batch entry, a group)
//   int parts, splits            blocks of different parts; pieces of the depth
//   int y_width                  neighbouring columns that are neighbours in y, aligned: 1 or 4
//   Part part(int)               what distinguishes a part; part.depth is the number of products
//   left(part, a), right(part, b)   sources, see Matrix
//   y_row(part, row), y_column(part, column)   their sum is the place in y as it lies in memory;
//                                negative: not in y
//   bias_at(part, row, column)   place in the bias; bias_of(at): the same for a place in y
//   float alpha, bool has_bias

namespace matmul {

/// ROWS × COLUMNS results a block, ROW_SUMS × COLUMN_SUMS a thread, in steps of DEPTH products.
template <int ROWS, int COLUMNS, int DEPTH, int ROW_SUMS, int COLUMN_SUMS>
struct Tile {
  static constexpr int rows = ROWS, columns = COLUMNS, depth = DEPTH;
  static constexpr int row_sums = ROW_SUMS, column_sums = COLUMN_SUMS;
  static constexpr int row_threads = ROWS / ROW_SUMS, column_threads = COLUMNS / COLUMN_SUMS;
  static constexpr int threads = row_threads * column_threads;
  static constexpr int neighbours = 4;  // sums of columns side by side

  /// Where this thread's sums stand in the tile.
  static __device__ __forceinline__ int row(int i) {
    const int thread = static_cast<int>(threadIdx.x) / column_threads;
    return (i / 4 * row_threads + thread) * 4 + i % 4;
  }
  static __device__ __forceinline__ int column(int i) {
    const int thread = static_cast<int>(threadIdx.x) % column_threads;
    return (i / 4 * column_threads + thread) * 4 + i % 4;
  }
};

/// A source of a matrix in memory: number k of line i (a row of left, a column of right) stands at
/// i * LINE + k * STEP. WIDTH neighbours, along k where ALONG_DEPTH, else along lines, are one
/// aligned load. In each run of `even` numbers of the depth, all there or none, neighbours are
/// `depth_step` apart.
template <class T, int LINES, int DEPTH, i64 LINE, i64 STEP, bool ALONG_DEPTH, int WIDTH>
struct Matrix {
  using Element = T;
  static constexpr int width = WIDTH;
  static constexpr bool along_depth = ALONG_DEPTH;
  static constexpr int even = DEPTH;
  static constexpr i64 depth_step = STEP;
  using Line = const T*;  // null behind the last one
  using Depth = i64;      // negative behind the last one

  const T* data;

  __device__ __forceinline__ Line line(int i) const {
    return i < LINES ? data + static_cast<i64>(i) * LINE : nullptr;
  }
  __device__ __forceinline__ Depth depth(int k) const {
    return k < DEPTH ? static_cast<i64>(k) * STEP : -1;
  }
  /// From a number of the depth, and `more` elements on.
  __device__ __forceinline__ Several<T, WIDTH> load(Line line, Depth depth, i64 more = 0) const {
    if (line == nullptr || depth < 0) return {};
    return *reinterpret_cast<const Several<T, WIDTH>*>(line + depth + more);
  }
};

/// One side of the tile: fetches from a source into registers, then stores into shared memory as
/// [k][line], whose lines of k are `pitch` numbers apart.
template <class C, class Source, int LINES, int DEPTH, int THREADS>
struct Side {
  using Element = typename Source::Element;
  static constexpr int width = Source::width;
  static constexpr bool along_depth = Source::along_depth;
  static constexpr int pitch = LINES + 4;
  static constexpr int per_line = along_depth ? DEPTH / width : LINES / width;
  static constexpr int step = THREADS / per_line;  // lines, or numbers of depth, between loads
  static constexpr int reach = along_depth ? LINES : DEPTH;
  static constexpr int loads = (reach + step - 1) / step;
  static constexpr bool one_run = Source::even % DEPTH == 0;  // a step of the depth is in one run
  static_assert(THREADS % per_line == 0, "a thread stays in its place along one axis");

  Source source;
  int first, second;  // place along the axis of `width`, and along the other one
  typename Source::Line lines[along_depth ? loads : 1];
  Several<Element, width> values[loads];

  __device__ __forceinline__ Side(const Source& from, int line) : source(from) {
    const int thread = static_cast<int>(threadIdx.x);
    first = thread % per_line * width;
    second = thread / per_line;
    if (along_depth) {
#pragma unroll
      for (int i = 0; i < (along_depth ? loads : 1); ++i)
        lines[i] = source.line(line + second + i * step);
    } else {
      lines[0] = source.line(line + first);
    }
  }

  __device__ __forceinline__ bool takes(int i) const {
    return reach % step == 0 || second + i * step < reach;
  }

  __device__ __forceinline__ void fetch(int k) {
    if (along_depth) {
      const typename Source::Depth depth = source.depth(k + first);
#pragma unroll
      for (int i = 0; i < loads; ++i) {
        if (takes(i)) values[i] = source.load(lines[along_depth ? i : 0], depth);
      }
    } else if (one_run) {
      const typename Source::Depth depth = source.depth(k + second);
#pragma unroll
      for (int i = 0; i < loads; ++i) {
        if (takes(i)) values[i] = source.load(lines[0], depth, i * step * Source::depth_step);
      }
    } else {
#pragma unroll
      for (int i = 0; i < loads; ++i) {
        if (takes(i)) values[i] = source.load(lines[0], source.depth(k + second + i * step));
      }
    }
  }

  __device__ __forceinline__ void store(C* to) const {
    constexpr int most = 16 / sizeof(C), group = along_depth ? 1 : width < most ? width : most;
#pragma unroll
    for (int i = 0; i < loads; ++i) {
      if (!takes(i)) continue;
      const int other = second + i * step;
#pragma unroll
      for (int j = 0; j < width; j += group) {
        Several<C, group> several;
#pragma unroll
        for (int n = 0; n < group; ++n)
          several.at[n] = static_cast<C>(to_compute(values[i].at[j + n]));
        *reinterpret_cast<Several<C, group>*>(
            to + (along_depth ? (first + j) * pitch + other : other * pitch + first + j)) = several;
      }
    }
  }
};

/// This thread's numbers of one k: runs of four, as far apart as all threads' first runs reach.
template <class C, int COUNT, int THREADS>
__device__ __forceinline__ void read_run(const C* from, int thread, C (&values)[COUNT]) {
#pragma unroll
  for (int run = 0; run < COUNT / 4; ++run) {
    const auto four = *reinterpret_cast<const Several<C, 4>*>(from + (run * THREADS + thread) * 4);
#pragma unroll
    for (int j = 0; j < 4; ++j) values[run * 4 + j] = four.at[j];
  }
}

/// Adds the products of [begin, end) of the depth to this thread's sums.
template <int ROWS, int COLUMNS, int DEPTH, int ROW_SUMS, int COLUMN_SUMS, class C, class Left,
          class Right>
__device__ __forceinline__ void accumulate(Tile<ROWS, COLUMNS, DEPTH, ROW_SUMS, COLUMN_SUMS>,
                                           const Left& left, const Right& right, int row,
                                           int column, int begin, int end,
                                           C (&sums)[ROW_SUMS][COLUMN_SUMS]) {
  using Tile = matmul::Tile<ROWS, COLUMNS, DEPTH, ROW_SUMS, COLUMN_SUMS>;
  using LeftSide = Side<C, Left, Tile::rows, Tile::depth, Tile::threads>;
  using RightSide = Side<C, Right, Tile::columns, Tile::depth, Tile::threads>;
  __shared__ Several<C, 4> left_tile[2][Tile::depth * LeftSide::pitch / 4];
  __shared__ Several<C, 4> right_tile[2][Tile::depth * RightSide::pitch / 4];
  const int thread = static_cast<int>(threadIdx.x);
  const int row_thread = thread / Tile::column_threads;
  const int column_thread = thread % Tile::column_threads;
  LeftSide left_side(left, row);
  RightSide right_side(right, column);
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
      const C* lefts = left_tile[stage ^ 1]->at;
      const C* rights = right_tile[stage ^ 1]->at;
#pragma unroll 4
      for (int i = 0; i < Tile::depth; ++i) {
        C a[Tile::row_sums], b[Tile::column_sums];
        read_run<C, Tile::row_sums, Tile::row_threads>(lefts + i * LeftSide::pitch, row_thread, a);
        read_run<C, Tile::column_sums, Tile::column_threads>(rights + i * RightSide::pitch,
                                                             column_thread, b);
#pragma unroll
        for (int r = 0; r < Tile::row_sums; ++r) {
#pragma unroll
          for (int c = 0; c < Tile::column_sums; ++c) sums[r][c] += a[r] * b[c];
        }
      }
    }
    if (more) {
      left_side.store(left_tile[stage]->at);
      right_side.store(right_tile[stage]->at);
    }
    __syncthreads();
    stage ^= 1;
  }
}

/// Behind a product without a program.
struct NoEpilogue {
  template <class C>
  static __device__ __forceinline__ C apply(C x, i64) {
    return x;
  }
};

/// A result out of its sum.
template <class Shape, class Epilogue, class T, class C, class... More>
__device__ __forceinline__ T finished(C sum, i64 at, i64 bias_at, const T* bias,
                                      const More*... more) {
  if (Shape::alpha != 1.0f) sum *= static_cast<C>(Shape::alpha);
  if (Shape::has_bias) sum += static_cast<C>(to_compute(bias[bias_at]));
  return from_compute<T>(Epilogue::apply(sum, at, more...));
}

/// What a block computes. Blocks that run at the same time share rows and columns: eight tiles of
/// rows go with each tile of columns before the next one.
template <class Shape, int ROWS, int COLUMNS>
struct Place {
  int row, column, split, part;

  __device__ __forceinline__ Place() {
    constexpr int row_tiles = (Shape::rows + ROWS - 1) / ROWS;
    constexpr int column_tiles = (Shape::columns + COLUMNS - 1) / COLUMNS;
    constexpr int tiles = row_tiles * column_tiles, together = 8;
    int rest = static_cast<int>(blockIdx.x);
    const int tile = rest % tiles;
    rest /= tiles;
    split = rest % Shape::splits;
    part = rest / Shape::splits;
    const int first = tile / (together * column_tiles) * together;
    const int count = row_tiles - first < together ? row_tiles - first : together;
    const int inside = tile % (together * column_tiles);
    row = (first + inside % count) * ROWS;
    column = inside / count * COLUMNS;
  }
};

/// The piece of the depth of one split, in whole steps.
template <class Shape, int STEP>
struct Piece {
  int begin, end;
  __device__ __forceinline__ Piece(int split, int depth) {
    const int steps = (depth + STEP - 1) / STEP;
    const int each = (steps + Shape::splits - 1) / Shape::splits * STEP;
    begin = split * each < depth ? split * each : depth;
    end = depth - begin < each ? depth : begin + each;
  }
};

/// The places in y of this thread's rows and columns; negative where y has none.
template <class Shape, class Tile, class Part>
struct Places {
  i64 rows[Tile::row_sums], columns[Tile::column_sums];

  __device__ __forceinline__ Places(const Part& part, int first_row, int first_column) {
#pragma unroll
    for (int i = 0; i < Tile::row_sums; ++i) {
      const int at = first_row + Tile::row(i);
      rows[i] = at < Shape::rows ? Shape::y_row(part, at) : -1;
    }
#pragma unroll
    for (int i = 0; i < Tile::column_sums; ++i) {
      const int at = first_column + Tile::column(i);
      columns[i] = at < Shape::columns ? Shape::y_column(part, at) : -1;
    }
  }
};

template <class Shape, class Tile, class Epilogue, class A, class B, class T, class... More>
__device__ __forceinline__ void multiply(const A* a, const B* b, const T* bias, T* y,
                                         const More*... more) {
  using C = compute_t<T>;
  constexpr int width = Shape::y_width < Tile::neighbours ? Shape::y_width : Tile::neighbours;
  const Place<Shape, Tile::rows, Tile::columns> place;
  const auto part = Shape::part(place.part);
  using Part = decltype(Shape::part(0));
  C sums[Tile::row_sums][Tile::column_sums] = {};
  accumulate(Tile(), Shape::left(part, a), Shape::right(part, b), place.row, place.column, 0,
             part.depth, sums);
  const Places<Shape, Tile, Part> places(part, place.row, place.column);
#pragma unroll
  for (int r = 0; r < Tile::row_sums; ++r) {
    const int row = place.row + Tile::row(r);
#pragma unroll
    for (int c = 0; c < Tile::column_sums; c += width) {
      if (places.rows[r] < 0 || places.columns[c] < 0) continue;
      const i64 at = places.rows[r] + places.columns[c];
      const int column = place.column + Tile::column(c);
      Several<T, width> results;
#pragma unroll
      for (int j = 0; j < width; ++j) {
        results.at[j] = finished<Shape, Epilogue, T>(
            sums[r][c + j], at + j, Shape::bias_at(part, row, column + j), bias, more...);
      }
      *reinterpret_cast<Several<T, width>*>(y + at) = results;
    }
  }
}

/// The sums of each split, [splits][y as it lies in memory]; `SIZE` numbers in y.
template <class Shape, class Tile, i64 SIZE, class A, class B, class C>
__device__ __forceinline__ void multiply_pieces(const A* a, const B* b, C* pieces) {
  const Place<Shape, Tile::rows, Tile::columns> place;
  const auto part = Shape::part(place.part);
  using Part = decltype(Shape::part(0));
  const Piece<Shape, Tile::depth> piece(place.split, part.depth);
  C sums[Tile::row_sums][Tile::column_sums] = {};
  accumulate(Tile(), Shape::left(part, a), Shape::right(part, b), place.row, place.column,
             piece.begin, piece.end, sums);
  const Places<Shape, Tile, Part> places(part, place.row, place.column);
  C* own = pieces + place.split * SIZE;
#pragma unroll
  for (int r = 0; r < Tile::row_sums; ++r) {
#pragma unroll
    for (int c = 0; c < Tile::column_sums; ++c) {
      if (places.rows[r] >= 0 && places.columns[c] >= 0)
        own[places.rows[r] + places.columns[c]] = sums[r][c];
    }
  }
}

/// Adds up the splits, in their order, and finishes.
template <class Shape, class Epilogue, i64 SIZE, class C, class T, class... More>
__device__ __forceinline__ void add_pieces(const C* pieces, const T* bias, T* y,
                                           const More*... more) {
  const i64 at = global_thread();
  if (at >= SIZE) return;
  C sum = 0;
#pragma unroll 8
  for (int split = 0; split < Shape::splits; ++split) sum += pieces[split * SIZE + at];
  y[at] = finished<Shape, Epilogue, T>(sum, at, Shape::has_bias ? Shape::bias_of(at) : 0, bias,
                                       more...);
}

}  // namespace matmul

#pragma once

#include "ops/matmul/cuda_mma_tile.cuh"

// Products of few rows (or, SWAPPED, few columns): the other, wide factor is read once, straight
// into registers. The Shape is that of cuda_multiply.cuh, all of whose places are in y; its few
// side has width 1, or the wide one's where both run along the depth.

namespace matmul {

constexpr int few_threads = 256, few_step = 64;

template <class Shape, bool SWAPPED>
struct FewSides {
  template <class Part, class A, class B>
  static __device__ __forceinline__ auto wide(const Part& part, const A* a, const B* b) {
    if constexpr (SWAPPED) {
      return Shape::left(part, a);
    } else {
      return Shape::right(part, b);
    }
  }
  template <class Part, class A, class B>
  static __device__ __forceinline__ auto few(const Part& part, const A* a, const B* b) {
    if constexpr (SWAPPED) {
      return Shape::right(part, b);
    } else {
      return Shape::left(part, a);
    }
  }
  static constexpr int lines = SWAPPED ? Shape::rows : Shape::columns;
};

/// Where lines run along the depth: a warp a line. Each result goes to Writer::write(…, few, line,
/// sum, arguments…) once.
template <class Writer, int FEW, class C, class Where, class Wide, class Few, class... Arguments>
__device__ __forceinline__ void few_along(const Where& where, const Wide& wide, const Few& few,
                                          int lines, Arguments... arguments) {
  constexpr int width = Wide::width;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
  const int index = where.block * (few_threads / 32) + thread / 32;
  const auto line = wide.line(index);
  C sums[FEW] = {};
#pragma unroll 4
  for (int k = where.begin + lane * width; k < where.end; k += 32 * width) {
    const auto w = wide.load(line, wide.depth(k));
#pragma unroll
    for (int f = 0; f < FEW; ++f) {
      if constexpr (Few::width == width) {
        const auto x = few.load(few.line(f), few.depth(k));
#pragma unroll
        for (int j = 0; j < width; ++j)
          sums[f] += static_cast<C>(to_compute(x.at[j])) * static_cast<C>(to_compute(w.at[j]));
      } else {
#pragma unroll
        for (int j = 0; j < width; ++j)
          sums[f] += static_cast<C>(to_compute(few.load(few.line(f), few.depth(k + j)).at[0])) *
                     static_cast<C>(to_compute(w.at[j]));
      }
    }
  }
#pragma unroll
  for (int f = 0; f < FEW; ++f) {
    const C sum = warp_reduce<Sum<C>>(sums[f]);
    if (lane == 0 && index < lines) Writer::write(where, f, index, sum, arguments...);
  }
}

/// Where lines stand side by side: eight threads take eight times `width` lines, the rest of the
/// block other parts of the depth.
template <class Writer, int FEW, class C, class Where, class Wide, class Few, class... Arguments>
__device__ __forceinline__ void few_across(const Where& where, const Wide& wide, const Few& few,
                                           int lines, Arguments... arguments) {
  constexpr int width = Wide::width, across = 8, block_lines = across * width;
  constexpr int warps = few_threads / 32;
  __shared__ C partial[warps][FEW][block_lines];
  const int thread = static_cast<int>(threadIdx.x), place = thread % across * width;
  const auto line = wide.line(where.block * block_lines + place);
  C sums[FEW][width] = {};
#pragma unroll 4
  for (int k = where.begin + thread / across; k < where.end; k += few_threads / across) {
    const auto w = wide.load(line, wide.depth(k));
#pragma unroll
    for (int f = 0; f < FEW; ++f) {
      const C x = static_cast<C>(to_compute(few.load(few.line(f), few.depth(k)).at[0]));
#pragma unroll
      for (int j = 0; j < width; ++j) sums[f][j] += x * static_cast<C>(to_compute(w.at[j]));
    }
  }
#pragma unroll
  for (int f = 0; f < FEW; ++f) {
#pragma unroll
    for (int j = 0; j < width; ++j) {
      C sum = sums[f][j];
      sum += __shfl_xor_sync(0xffffffffu, sum, 16);
      sum += __shfl_xor_sync(0xffffffffu, sum, 8);
      if (thread % 32 < across) partial[thread / 32][f][place + j] = sum;
    }
  }
  __syncthreads();
  for (int i = thread; i < FEW * block_lines; i += few_threads) {
    const int f = i / block_lines, j = i % block_lines;
    C sum = 0;
#pragma unroll
    for (int warp = 0; warp < warps; ++warp) sum += partial[warp][f][j];
    const int index = where.block * block_lines + j;
    if (index < lines) Writer::write(where, f, index, sum, arguments...);
  }
}

/// What a block computes.
template <class Part>
struct FewPlace {
  Part part;
  int split, block, begin, end;
};

template <class Shape, bool SWAPPED, int FEW, class Writer, class C, class A, class B,
          class... Arguments>
__device__ __forceinline__ void few_lines(const A* a, const B* b, Arguments... arguments) {
  using Sides = FewSides<Shape, SWAPPED>;
  using Part = decltype(Shape::part(0));
  using Wide = decltype(Sides::wide(Shape::part(0), a, b));
  constexpr int block_lines = Wide::along_depth ? few_threads / 32 : 8 * Wide::width;
  constexpr int blocks = (Sides::lines + block_lines - 1) / block_lines;
  const int block = static_cast<int>(blockIdx.x) % blocks;
  const int split = static_cast<int>(blockIdx.x) / blocks % Shape::splits;
  const Part part = Shape::part(static_cast<int>(blockIdx.x) / blocks / Shape::splits);
  const Piece<Shape, few_step> piece(split, part.depth);
  const FewPlace<Part> where = {part, split, block, piece.begin, piece.end};
  if constexpr (Wide::along_depth) {
    few_along<Writer, FEW, C>(where, Sides::wide(part, a, b), Sides::few(part, a, b), Sides::lines,
                              arguments...);
  } else {
    few_across<Writer, FEW, C>(where, Sides::wide(part, a, b), Sides::few(part, a, b), Sides::lines,
                               arguments...);
  }
}

template <class Shape, bool SWAPPED, class Epilogue>
struct FewResults {
  template <class Where, class C, class T, class... More>
  static __device__ __forceinline__ void write(const Where& where, int few, int line, C sum,
                                               const T* bias, T* y, const More*... more) {
    const int row = SWAPPED ? line : few, column = SWAPPED ? few : line;
    const i64 at = Shape::y_row(where.part, row) + Shape::y_column(where.part, column);
    y[at] = finished<Shape, Epilogue, T>(sum, at, Shape::bias_at(where.part, row, column), bias,
                                         more...);
  }
};

template <class Shape, bool SWAPPED, i64 SIZE>
struct FewPieces {
  template <class Where, class C>
  static __device__ __forceinline__ void write(const Where& where, int few, int line, C sum,
                                               C* pieces) {
    const int row = SWAPPED ? line : few, column = SWAPPED ? few : line;
    pieces[where.split * SIZE + Shape::y_row(where.part, row) +
           Shape::y_column(where.part, column)] = sum;
  }
};

template <class Shape, bool SWAPPED, int FEW, class Epilogue, class A, class B, class T,
          class... More>
__device__ __forceinline__ void multiply_few(const A* a, const B* b, const T* bias, T* y,
                                             const More*... more) {
  few_lines<Shape, SWAPPED, FEW, FewResults<Shape, SWAPPED, Epilogue>, compute_t<T>>(a, b, bias, y,
                                                                                     more...);
}

/// The sums of each split, [splits][y as it lies in memory].
template <class Shape, bool SWAPPED, int FEW, i64 SIZE, class A, class B, class C>
__device__ __forceinline__ void multiply_few_pieces(const A* a, const B* b, C* pieces) {
  few_lines<Shape, SWAPPED, FEW, FewPieces<Shape, SWAPPED, SIZE>, C>(a, b, pieces);
}

}  // namespace matmul

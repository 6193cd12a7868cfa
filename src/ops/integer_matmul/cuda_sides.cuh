#pragma once

#include "ops/conv/cuda_window.cuh"
#include "ops/integer_matmul/cuda_parameters.cuh"
#include "ops/quantize/cuda_bytes.cuh"
#include "targets/cuda/code/copy_later.cuh"
#include "targets/cuda/code/matrix_units.cuh"

// The two sides of a tile's products on their way into shared memory; the Shape is that of
// cuda_tile.cuh.

namespace integer_matmul {

constexpr int tile_depth = 64, tile_pitch = tile_depth + 16;  // an odd number of 16 bytes apart

/// On the matrix units (UNITS) or by products of four bytes; sums lie the same.
template <int ROWS, int COLUMNS, int WARP_ROWS, int WARP_COLUMNS, int STAGES, bool UNITS>
struct Tile : WarpTile<ROWS, COLUMNS, WARP_ROWS, WARP_COLUMNS> {
  static constexpr int stages = STAGES;
  static constexpr bool units = UNITS;
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

  const typename Shape::Input* anything;
  unsigned padding;
  int first, second;
  PixelLine<Shape> lines[loads];

  __device__ __forceinline__ PixelSide(const typename Shape::Input* x, int zero, int row)
      : anything(x), padding((static_cast<unsigned>(zero) & 0xff) * 0x01010101u) {
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
      unsigned char* place = to + (second + i * step) * tile_pitch + first;
      const bool given = lines[i].at != nullptr && k + first < end;
      if (!given || depth.inside(lines[i])) {
        copy_later<width>(place, given ? lines[i].at + depth.at : anything, given);
      } else {
        Several<unsigned, width / 4> words;
#pragma unroll
        for (int j = 0; j < width / 4; ++j) words.at[j] = padding;
        *reinterpret_cast<Several<unsigned, width / 4>*>(place) = words;
      }
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

  __device__ __forceinline__ PixelSide(const typename Shape::Input* x, int zero, int row)
      : padding(static_cast<unsigned>(zero) & 0xff) {
    line_index = static_cast<int>(threadIdx.x) % LINES;
    line = PixelLine<Shape>(x, row + line_index);
  }
  __device__ __forceinline__ unsigned byte(int k, int end) const {
    if (line.at == nullptr || k >= end) return 0;
    const DepthStep<Shape> depth(k);
    return depth.inside(line) ? static_cast<unsigned char>(line.at[depth.at]) : padding;
  }
  __device__ __forceinline__ void fetch(int k, int end, unsigned char* to) const {
#pragma unroll 4
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

  __device__ __forceinline__ WeightSide(const typename Shape::Weight* w, int group,
                                        int first_column)
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

}  // namespace integer_matmul

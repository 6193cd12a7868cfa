#pragma once

#include "ops/matmul/cuda_mma_tile.cuh"

// Convolutions, transposed ones too, written as the products of cuda_multiply.cuh. A Window says:
//
//   Axis D, H, W                 the spatial axes, missing ones in front
//   int images, groups, channels, outputs    the last two per group
//   i64 x_image, x_channel, y_image, y_channel, w_group, w_output, w_channel, w_tap    steps
//   bool taps_outer              the depth counts channels fastest, else taps
//   bool pixel_rows              rows are pixels and columns channels, else the other way round
//   int x_width, w_width, bool x_along_depth, w_along_depth    see Matrix

namespace conv {

/// One spatial axis. Position q of phase r is output q * phases + r; its taps j = 0, 1, … are
/// numbers first + j * tap_step of the kernel and meet inputs q * scale + origin + j * delta. A
/// transposed convolution has a phase for each remainder by the stride, which only some taps reach.
template <int IN, int OUT, int KERNEL, int STRIDE, int PAD, int DILATION, i64 X_STEP, i64 Y_STEP,
          bool TRANSPOSED>
struct Axis {
  static __device__ constexpr int common_divisor(int a, int b) {
    return b == 0 ? a : common_divisor(b, a % b);
  }
  static constexpr int in = IN, out = OUT, kernel = KERNEL, stride = STRIDE, dilation = DILATION;
  static constexpr int pad = PAD;
  static constexpr i64 x_step = X_STEP, y_step = Y_STEP;
  static constexpr bool transposed = TRANSPOSED;
  static constexpr int phases = TRANSPOSED ? STRIDE : 1;
  static constexpr int positions = (OUT + phases - 1) / phases;
  static constexpr int scale = TRANSPOSED ? 1 : STRIDE;
  static constexpr int tap_step = TRANSPOSED ? STRIDE / common_divisor(STRIDE, DILATION) : 1;
  static constexpr int delta =
      TRANSPOSED ? -(DILATION / common_divisor(STRIDE, DILATION)) : DILATION;
  /// Whether a tap may miss the input.
  static constexpr bool checked =
      TRANSPOSED ? KERNEL != 1 || STRIDE != 1 || PAD != 0 || OUT != IN
                 : PAD != 0 || (OUT - 1) * STRIDE + (KERNEL - 1) * DILATION >= IN;

  struct Phase {
    int index, origin, first, count;
  };
  static __device__ __forceinline__ Phase phase(int index) {
    if constexpr (!TRANSPOSED) {
      return {0, -PAD, 0, KERNEL};
    } else {
      for (int k = 0; k < tap_step && k < KERNEL; ++k) {
        const int from = index + PAD - k * DILATION;
        if (from % STRIDE == 0)
          return {index, from / STRIDE, k, (KERNEL - k + tap_step - 1) / tap_step};
      }
      return {index, 0, 0, 0};
    }
  }
  static __device__ __forceinline__ bool misses(int at) {
    return checked && static_cast<unsigned>(at) >= static_cast<unsigned>(IN);
  }
};

/// A block's group and phase.
template <class Window>
struct Part {
  int depth, group;
  typename Window::D::Phase d;
  typename Window::H::Phase h;
  typename Window::W::Phase w;

  static __device__ __forceinline__ Part of(int index) {
    Part part;
    part.group = index % Window::groups;
    const int phase = index / Window::groups;
    part.w = Window::W::phase(phase % Window::W::phases);
    part.h = Window::H::phase(phase / Window::W::phases % Window::H::phases);
    part.d = Window::D::phase(phase / Window::W::phases / Window::H::phases);
    part.depth = Window::channels * part.taps();
    return part;
  }
  __device__ __forceinline__ int taps() const { return d.count * h.count * w.count; }
};

/// One number of the depth: a channel and a tap.
struct Step {
  int channel, d, h, w;
};
template <class Window>
__device__ __forceinline__ Step step_of(const Part<Window>& part, int k) {
  const int tap = Window::taps_outer ? k / Window::channels : k % part.taps();
  const int channel = Window::taps_outer ? k % Window::channels : k / part.taps();
  return {channel, tap / (part.h.count * part.w.count), tap / part.w.count % part.h.count,
          tap % part.w.count};
}

/// One position in all images.
struct Position {
  int image, d, h, w;
};
template <class Window>
__device__ __forceinline__ Position position_of(int pixel) {
  constexpr int w = Window::W::positions, h = Window::H::positions, d = Window::D::positions;
  return {pixel / (w * h * d), pixel / (w * h) % d, pixel / w % h, pixel % w};
}

/// x as a source: its lines are positions.
template <class Window, class T>
struct Pixels {
  using Element = T;
  static constexpr int width = Window::x_width;
  static constexpr bool along_depth = Window::x_along_depth;
  static constexpr int even = Window::taps_outer ? Window::channels : 1;
  static constexpr i64 depth_step = Window::x_channel;
  struct Line {
    const T* at;  // of the first tap, which may lie outside; null behind the last position
    int d, h, w;
  };
  struct Depth {
    i64 at;
    int d, h, w;
    bool valid;
  };

  const T* data;
  Part<Window> part;

  __device__ __forceinline__ Line line(int pixel) const {
    using D = typename Window::D;
    using H = typename Window::H;
    using W = typename Window::W;
    if (pixel >= Window::images * D::positions * H::positions * W::positions) return {};
    const Position position = position_of<Window>(pixel);
    Line line;
    line.d = position.d * D::scale + part.d.origin;
    line.h = position.h * H::scale + part.h.origin;
    line.w = position.w * W::scale + part.w.origin;
    line.at = data + (position.image * Window::x_image +
                      static_cast<i64>(part.group) * Window::channels * Window::x_channel +
                      line.d * D::x_step + line.h * H::x_step + line.w * W::x_step);
    return line;
  }
  __device__ __forceinline__ Depth depth(int k) const {
    if (k >= part.depth) return {};
    const Step step = step_of(part, k);
    Depth depth;
    depth.d = step.d * Window::D::delta;
    depth.h = step.h * Window::H::delta;
    depth.w = step.w * Window::W::delta;
    depth.at = step.channel * Window::x_channel + depth.d * Window::D::x_step +
               depth.h * Window::H::x_step + depth.w * Window::W::x_step;
    depth.valid = true;
    return depth;
  }
  __device__ __forceinline__ Several<T, width> load(const Line& line, const Depth& depth,
                                                    i64 more = 0) const {
    if (line.at == nullptr || !depth.valid || Window::D::misses(line.d + depth.d) ||
        Window::H::misses(line.h + depth.h) || Window::W::misses(line.w + depth.w))
      return {};
    return *reinterpret_cast<const Several<T, width>*>(line.at + depth.at + more);
  }
};

/// w as a source: its lines are output channels of the group.
template <class Window, class T>
struct Weights {
  using Element = T;
  static constexpr int width = Window::w_width;
  static constexpr bool along_depth = Window::w_along_depth;
  static constexpr int even = Window::taps_outer ? Window::channels : 1;
  static constexpr i64 depth_step = Window::w_channel;
  using Line = const T*;
  using Depth = i64;

  const T* data;
  Part<Window> part;

  __device__ __forceinline__ Line line(int output) const {
    if (output >= Window::outputs) return nullptr;
    return data + (part.group * Window::w_group + output * Window::w_output);
  }
  __device__ __forceinline__ Depth depth(int k) const {
    if (k >= part.depth) return -1;
    const Step step = step_of(part, k);
    const int tap = ((part.d.first + step.d * Window::D::tap_step) * Window::H::kernel +
                     part.h.first + step.h * Window::H::tap_step) *
                        Window::W::kernel +
                    part.w.first + step.w * Window::W::tap_step;
    return step.channel * Window::w_channel + tap * Window::w_tap;
  }
  __device__ __forceinline__ Several<T, width> load(Line line, Depth depth, i64 more = 0) const {
    if (line == nullptr || depth < 0) return {};
    return *reinterpret_cast<const Several<T, width>*>(line + depth + more);
  }
};

/// What a position and an output channel of the group add to the place in y; a position may be one
/// that the phase lacks, which is negative.
template <class Window>
__device__ __forceinline__ i64 y_of_pixel(const Part<Window>& part, int pixel) {
  const Position position = position_of<Window>(pixel);
  const int d = position.d * Window::D::phases + part.d.index;
  const int h = position.h * Window::H::phases + part.h.index;
  const int w = position.w * Window::W::phases + part.w.index;
  if (d >= Window::D::out || h >= Window::H::out || w >= Window::W::out) return -1;
  return position.image * Window::y_image + d * Window::D::y_step + h * Window::H::y_step +
         w * Window::W::y_step;
}
template <class Window>
__device__ __forceinline__ i64 y_of_output(const Part<Window>& part, int output) {
  return (static_cast<i64>(part.group) * Window::outputs + output) * Window::y_channel;
}

/// The Shape of a window's product, but for its sizes.
template <class Window>
struct WindowShape {
  using Part = conv::Part<Window>;

  static __device__ __forceinline__ Part part(int index) { return Part::of(index); }
  template <class T>
  static __device__ __forceinline__ auto left(const Part& part, const T* data) {
    if constexpr (Window::pixel_rows) {
      return Pixels<Window, T>{data, part};
    } else {
      return Weights<Window, T>{data, part};
    }
  }
  template <class T>
  static __device__ __forceinline__ auto right(const Part& part, const T* data) {
    if constexpr (Window::pixel_rows) {
      return Weights<Window, T>{data, part};
    } else {
      return Pixels<Window, T>{data, part};
    }
  }
  static __device__ __forceinline__ i64 y_row(const Part& part, int row) {
    return Window::pixel_rows ? y_of_pixel(part, row) : y_of_output(part, row);
  }
  static __device__ __forceinline__ i64 y_column(const Part& part, int column) {
    return Window::pixel_rows ? y_of_output(part, column) : y_of_pixel(part, column);
  }
  static __device__ __forceinline__ i64 bias_at(const Part& part, int row, int column) {
    return static_cast<i64>(part.group) * Window::outputs + (Window::pixel_rows ? column : row);
  }
  static __device__ __forceinline__ i64 bias_of(i64 at) {
    return at / Window::y_channel % (static_cast<i64>(Window::groups) * Window::outputs);
  }
};

}  // namespace conv

#pragma once

#include "ops/conv/cuda_window.cuh"
#include "ops/integer_matmul/cuda_parameters.cuh"

// Products of any bytes, constant or not: a result a thread, from operands as they come.

namespace integer_matmul {

/// A result out of its sum, of which zero points are taken off.
template <class Y, bool HAS_Y>
__device__ __forceinline__ Y direct_result(int sum, float scale, float y_scale, int y_zero,
                                           float addend) {
  if constexpr (sizeof(Y) == 1) {
    const float number = quantize::product(static_cast<float>(sum), scale / y_scale);
    return static_cast<Y>(quantize::saturated<Y>(number, y_zero));
  } else {
    return fmaf(static_cast<float>(sum), scale, addend);
  }
}
template <>
__device__ __forceinline__ int direct_result<int, false>(int sum, float, float, int, float) {
  return sum;
}

/// One value of what may be absent.
template <bool GIVEN, class T>
__device__ __forceinline__ int integer_at(const T* from, i64 at) {
  return GIVEN ? static_cast<int>(from[at]) : 0;
}
template <bool GIVEN, class T>
__device__ __forceinline__ float float_at(const T* from, i64 at, float otherwise) {
  return GIVEN ? static_cast<float>(to_compute(from[at])) : otherwise;
}

/// A convolution; the Shape is that of cuda_tile.cuh as far as x and y go, weights lie [groups ·
/// outputs][channels, taps].
template <class Shape, class WHICH, class X, class W, class Q, class B, class Y>
__device__ __forceinline__ void direct(const X* x, const W* w, const float* x_scale,
                                       const X* x_zero, const float* w_scale, const W* w_zero,
                                       const float* y_scale, const Q* y_zero, const B* bias, Y* y) {
  using D = typename Shape::D;
  using H = typename Shape::H;
  using V = typename Shape::W;
  constexpr int outputs = Shape::groups * Shape::outputs, taps = D::kernel * H::kernel * V::kernel;
  constexpr i64 rows = Shape::rows;
  const i64 item = global_thread();
  if (item >= rows * outputs) return;
  // Neighbouring threads write neighbours of y.
  constexpr int positions = Shape::rows / Shape::images;
  int row, channel;
  if constexpr (Shape::y_channel == 1) {
    channel = static_cast<int>(item % outputs);
    row = static_cast<int>(item / outputs);
  } else {
    const i64 plane = item / positions;
    channel = static_cast<int>(plane % outputs);
    row = static_cast<int>(plane / outputs * positions + item % positions);
  }
  const conv::Position position = conv::position_of<Shape>(row);
  const int group = channel / Shape::outputs;
  const X* xs = x + (position.image * Shape::x_image +
                     static_cast<i64>(group) * Shape::channels * Shape::x_channel);
  const W* ws = w + static_cast<i64>(channel) * Shape::channels * taps;
  const int zero_of_x = integer_at<WHICH::x_zero>(x_zero, 0);
  const int zero_of_w = integer_at<(WHICH::w_zeros > 0)>(w_zero, WHICH::w_zeros > 1 ? channel : 0);
  unsigned sum = 0;
  for (int d = 0; d < D::kernel; ++d) {
    const int in_d = position.d * D::stride - D::pad + d * D::dilation;
    if (D::misses(in_d)) continue;
    for (int h = 0; h < H::kernel; ++h) {
      const int in_h = position.h * H::stride - H::pad + h * H::dilation;
      if (H::misses(in_h)) continue;
      for (int v = 0; v < V::kernel; ++v) {
        const int in_w = position.w * V::stride - V::pad + v * V::dilation;
        if (V::misses(in_w)) continue;
        const X* from = xs + (in_d * D::x_step + in_h * H::x_step + in_w * V::x_step);
        const W* with = ws + ((d * H::kernel + h) * V::kernel + v);
#pragma unroll 4
        for (int c = 0; c < Shape::channels; ++c) {
          const int a = static_cast<int>(from[c * Shape::x_channel]) - zero_of_x;
          const int b = static_cast<int>(with[static_cast<i64>(c) * taps]) - zero_of_w;
          sum += static_cast<unsigned>(a * b);
        }
      }
    }
  }
  sum += static_cast<unsigned>(integer_at<WHICH::bias == Bias::steps>(bias, channel));
  float scale = float_at<(WHICH::w_scales > 0)>(x_scale, 0, 1);
  if constexpr (WHICH::w_scales > 0)
    scale = quantize::product(scale, float_at<true>(w_scale, WHICH::w_scales > 1 ? channel : 0, 1));
  y[position.image * Shape::y_image + channel * Shape::y_channel + position.d * D::y_step +
    position.h * H::y_step + position.w * V::y_step] =
      direct_result<Y, WHICH::y>(static_cast<int>(sum), scale, float_at<WHICH::y>(y_scale, 0, 1),
                                 integer_at<WHICH::y>(y_zero, 0),
                                 float_at<WHICH::bias == Bias::addend>(bias, channel, 0));
}

/// A product of matrices whose scales and zero points lie anyhow. A Shape says, for element `at` of
/// y [..., m, n]: a_row(at) and b_column(at), where its factors begin; b_step, depth; size; and for
/// each parameter its place, x_scale(at) … y_zero(at).
template <class Shape, class WHICH, class X, class W, class S, class T, class U, class Q, class B,
          class Y>
__device__ __forceinline__ void direct_matrices(const X* a, const W* b, const S* x_scale,
                                                const X* x_zero, const T* w_scale, const W* w_zero,
                                                const U* y_scale, const Q* y_zero, const B* bias,
                                                Y* y) {
  const i64 at = global_thread();
  if (at >= Shape::size) return;
  const X* row = a + Shape::a_row(at);
  const W* column = b + Shape::b_column(at);
  const int zero_of_x = integer_at<WHICH::x_zero>(x_zero, Shape::x_zero(at));
  const int zero_of_w = integer_at<(WHICH::w_zeros > 0)>(w_zero, Shape::w_zero(at));
  unsigned sum = 0;
#pragma unroll 4
  for (int k = 0; k < Shape::depth; ++k) {
    const int p = static_cast<int>(row[k]) - zero_of_x;
    const int q = static_cast<int>(column[static_cast<i64>(k) * Shape::b_step]) - zero_of_w;
    sum += static_cast<unsigned>(p * q);
  }
  const i64 channel = at % Shape::columns;
  sum += static_cast<unsigned>(integer_at<WHICH::bias == Bias::steps>(bias, channel));
  float scale = float_at<(WHICH::w_scales > 0)>(x_scale, Shape::x_scale(at), 1);
  if constexpr (WHICH::w_scales > 0)
    scale = quantize::product(scale, float_at<true>(w_scale, Shape::w_scale(at), 1));
  y[at] = direct_result<Y, WHICH::y>(static_cast<int>(sum), scale,
                                     float_at<WHICH::y>(y_scale, Shape::y_scale(at), 1),
                                     integer_at<WHICH::y>(y_zero, Shape::y_zero(at)),
                                     float_at<WHICH::bias == Bias::addend>(bias, channel, 0));
}

}  // namespace integer_matmul

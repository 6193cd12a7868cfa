#pragma once

#include "ops/pool/cuda_window.cuh"
#include "ops/quantize/cuda_bytes.cuh"

// Averages of quantised numbers: exact sums of bytes, times one number.

namespace integer_pool {

/// Scales and zero points; those of y are not read where y is no byte.
template <class X, class Y, class Z>
struct Mean {
  float x_scale, y_scale = 1;
  int x_zero, y_zero = 0;

  __device__ __forceinline__ Mean(const float* scale, const X* zero, const float* to_scale,
                                  const Z* to_zero)
      : x_scale(*scale), x_zero(*zero) {
    if constexpr (sizeof(Y) == 1) {
      y_scale = *to_scale;
      y_zero = *to_zero;
    }
  }
  /// Of a sum of `inside` bytes; `count` is what it is divided by.
  __device__ __forceinline__ Y operator()(int sum, int inside, int count) const {
    const float divisor = quantize::product(y_scale, static_cast<float>(count > 0 ? count : 1));
    const float number = static_cast<float>(sum - inside * x_zero);
    const float value = quantize::product(number, x_scale / divisor);
    if constexpr (sizeof(Y) == 1) {
      return static_cast<Y>(quantize::saturated<Y>(value, y_zero));
    } else {
      return value;
    }
  }
};

/// A thread has one position of a window, and WIDTH channels that are neighbours in memory.
template <class Index, bool WITH_PAD, class A0, class A1, class A2, i64 IMAGES, i64 CHANNELS,
          int WIDTH, class XAt, class YAt, class X, class Y, class Z>
__device__ __forceinline__ void window(const X* __restrict__ x, const float* x_scale,
                                       const X* x_zero, const float* y_scale, const Z* y_zero,
                                       Y* __restrict__ y) {
  constexpr Index outputs = static_cast<Index>(A0::output * A1::output * A2::output);
  constexpr Index groups = static_cast<Index>(CHANNELS / WIDTH);
  if (global_thread() >= IMAGES * (CHANNELS / WIDTH) * outputs) return;
  const Index item = static_cast<Index>(global_thread());
  // Neighbouring threads write neighbours of y.
  Index group, image;
  int position;
  if constexpr (YAt::channel == 1) {
    group = item % groups;
    position = static_cast<int>(item / groups % outputs);
    image = item / groups / outputs;
  } else {
    position = static_cast<int>(item % outputs);
    group = item / outputs % groups;
    image = item / outputs / groups;
  }
  const int row = position / static_cast<int>(A2::output);
  const int starts[3] = {A0::start(row / static_cast<int>(A1::output)),
                         A1::start(row % static_cast<int>(A1::output)),
                         A2::start(position % static_cast<int>(A2::output))};
  const X* from = x + (image * XAt::image + group * (WIDTH * XAt::channel));
  int sums[WIDTH] = {};
  for (int a = A0::first(starts[0]); a < A0::last(starts[0]); ++a) {
    const i64 i = starts[0] + a * A0::dilation;
    for (int b = A1::first(starts[1]); b < A1::last(starts[1]); ++b) {
      const i64 line = (i * A1::input + starts[1] + b * A1::dilation) * A2::input;
#pragma unroll 4
      for (int c = A2::first(starts[2]); c < A2::last(starts[2]); ++c) {
        const i64 place = line + starts[2] + c * A2::dilation;
        const auto values =
            *reinterpret_cast<const Several<X, WIDTH>*>(from + place * XAt::position);
#pragma unroll
        for (int k = 0; k < WIDTH; ++k) sums[k] += values.at[k];
      }
    }
  }
  const int inside = A0::template counted<false>(starts[0]) *
                     A1::template counted<false>(starts[1]) *
                     A2::template counted<false>(starts[2]);
  const int count = A0::template counted<WITH_PAD>(starts[0]) *
                    A1::template counted<WITH_PAD>(starts[1]) *
                    A2::template counted<WITH_PAD>(starts[2]);
  const Mean<X, Y, Z> mean(x_scale, x_zero, y_scale, y_zero);
  Several<Y, WIDTH> results;
#pragma unroll
  for (int k = 0; k < WIDTH; ++k) results.at[k] = mean(sums[k], inside, count);
  *reinterpret_cast<Several<Y, WIDTH>*>(y + image * YAt::image + group * (WIDTH * YAt::channel) +
                                        position * YAt::position) = results;
}

/// The average of all PIXELS of an image, channels innermost: a team of TEAM threads shares WIDTH
/// channels, THREADS / TEAM of which lie side by side in a block.
template <i64 IMAGES, i64 CHANNELS, int PIXELS, int WIDTH, int TEAM, int THREADS, class X, class Y,
          class Z>
__device__ __forceinline__ void average_pixels(const X* __restrict__ x, const float* x_scale,
                                               const X* x_zero, const float* y_scale,
                                               const Z* y_zero, Y* __restrict__ y) {
  constexpr i64 groups = CHANNELS / WIDTH;
  constexpr int across = THREADS / TEAM;
  __shared__ int partial[TEAM][across * WIDTH];
  const int lane = static_cast<int>(threadIdx.x) % across;
  const int member = static_cast<int>(threadIdx.x) / across;
  constexpr i64 blocks = (groups + across - 1) / across;
  const i64 image = blockIdx.x / blocks, group = blockIdx.x % blocks * across + lane;
  int sums[WIDTH] = {};
  if (group < groups) {
    const X* from = x + image * (CHANNELS * PIXELS) + group * WIDTH;
#pragma unroll 4
    for (int pixel = member; pixel < PIXELS; pixel += TEAM) {
      const auto values = *reinterpret_cast<const Several<X, WIDTH>*>(from + pixel * CHANNELS);
#pragma unroll
      for (int k = 0; k < WIDTH; ++k) sums[k] += values.at[k];
    }
  }
#pragma unroll
  for (int k = 0; k < WIDTH; ++k) partial[member][lane * WIDTH + k] = sums[k];
  __syncthreads();
  const Mean<X, Y, Z> mean(x_scale, x_zero, y_scale, y_zero);
  for (int i = static_cast<int>(threadIdx.x); i < across * WIDTH; i += THREADS) {
    int sum = 0;
#pragma unroll
    for (int j = 0; j < TEAM; ++j) sum += partial[j][i];
    const i64 channel = blockIdx.x % blocks * (across * WIDTH) + i;
    if (channel < CHANNELS) y[image * CHANNELS + channel] = mean(sum, PIXELS, PIXELS);
  }
}

/// The same of planes [PLANES][PIXELS]: a warp a plane.
template <i64 PLANES, int PIXELS, int THREADS, class X, class Y, class Z>
__device__ __forceinline__ void average_planes(const X* __restrict__ x, const float* x_scale,
                                               const X* x_zero, const float* y_scale,
                                               const Z* y_zero, Y* __restrict__ y) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const i64 plane = static_cast<i64>(blockIdx.x) * (THREADS / 32) + threadIdx.x / 32;
  int sum = 0;
  if (plane < PLANES) {
    constexpr int width = PIXELS % 4 == 0 ? 4 : 1;
    const X* from = x + plane * PIXELS;
#pragma unroll 4
    for (int i = lane * width; i < PIXELS; i += 32 * width) {
      const auto values = *reinterpret_cast<const Several<X, width>*>(from + i);
#pragma unroll
      for (int k = 0; k < width; ++k) sum += values.at[k];
    }
  }
  sum = warp_reduce<Sum<int>>(sum);
  if (lane != 0 || plane >= PLANES) return;
  y[plane] = Mean<X, Y, Z>(x_scale, x_zero, y_scale, y_zero)(sum, PIXELS, PIXELS);
}

}  // namespace integer_pool

#pragma once

#include "ops/conv/cuda_window.cuh"
#include "ops/integer_matmul/cuda_parameters.cuh"

// Depthwise convolution of bytes, channels-last: a thread has four channels and `run` results side
// by side, which share the inputs of each line. Bytes of four taps along a line are brought
// together for each channel and multiplied at once. The Shape is that of cuda_tile.cuh as far as x
// and y go, with
//
//   int run                        results of a thread
//   int fours                      taps of a line, by four
//   int w_channels                 channels, filled up to a multiple of four
//   bool w_zeros, Input, Weight    as there
//
// Weights lie [D, H][fours][w_channels][4 taps], 0 where there is no tap.

namespace integer_conv {

using integer_matmul::Finish;

/// Four pixels of four channels → four channels of four pixels.
__device__ __forceinline__ void transpose_bytes(const unsigned (&pixels)[4],
                                                unsigned (&channels)[4]) {
  const unsigned low = __byte_perm(pixels[0], pixels[1], 0x5140),
                 high = __byte_perm(pixels[0], pixels[1], 0x7362),
                 low_behind = __byte_perm(pixels[2], pixels[3], 0x5140),
                 high_behind = __byte_perm(pixels[2], pixels[3], 0x7362);
  channels[0] = __byte_perm(low, low_behind, 0x5410);
  channels[1] = __byte_perm(low, low_behind, 0x7632);
  channels[2] = __byte_perm(high, high_behind, 0x5410);
  channels[3] = __byte_perm(high, high_behind, 0x7632);
}

/// Channels channel … channel + 3 of a pixel; those behind the last one are 0.
template <int CHANNELS, class X>
__device__ __forceinline__ unsigned four_channels(const X* pixel, int channel) {
  if constexpr (CHANNELS % 4 == 0) {
    return *reinterpret_cast<const unsigned*>(pixel + channel);
  } else {
    unsigned result = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (channel + i < CHANNELS)
        result |= static_cast<unsigned>(static_cast<unsigned char>(pixel[channel + i])) << i * 8;
    }
    return result;
  }
}

template <class Shape, class Known, class X, class F, class Y, class... Pointers>
__device__ __forceinline__ void depthwise(const X* __restrict__ x, const F* __restrict__ w,
                                          Y* __restrict__ y, Pointers... pointers) {
  using D = typename Shape::D;
  using H = typename Shape::H;
  using W = typename Shape::W;
  constexpr int run = Shape::run, channels = Shape::groups, lanes = Shape::w_channels / 4;
  constexpr int span = (run - 1) * W::stride + (W::kernel - 1) * W::dilation + 1;
  constexpr int runs = (W::out + run - 1) / run;
  const Known known{pointers...};
  const i64 item = global_thread();
  if (item >= static_cast<i64>(Shape::images) * D::out * H::out * runs * lanes) return;
  unsigned rest = static_cast<unsigned>(item);  // the caller has seen that items fit
  const int channel = static_cast<int>(rest % lanes) * 4;
  rest /= lanes;
  const int first = static_cast<int>(rest % runs) * run;
  rest /= runs;
  const int out_h = static_cast<int>(rest % H::out);
  rest /= H::out;
  const int out_d = static_cast<int>(rest % D::out), image = static_cast<int>(rest / D::out);
  const unsigned padding = (static_cast<unsigned>(known.x_zero()) & 0xff) * 0x01010101u;
  const int first_w = first * W::stride - W::pad;
  int sums[run][4] = {};
  int x_sums[Shape::w_zeros ? run : 1][4] = {};
#pragma unroll 1
  for (int kd = 0; kd < D::kernel; ++kd) {
    const int in_d = out_d * D::stride - D::pad + kd * D::dilation;
#pragma unroll(H::kernel <= 5 ? H::kernel : 1)
    for (int kh = 0; kh < H::kernel; ++kh) {
      const int in_h = out_h * H::stride - H::pad + kh * H::dilation;
      const bool outside = D::misses(in_d) || H::misses(in_h);
      const X* line = x + (image * Shape::x_image + in_d * D::x_step + in_h * H::x_step);
      unsigned pixels[span];
#pragma unroll
      for (int i = 0; i < span; ++i) {
        const int in_w = first_w + i;
        const bool missing = outside || static_cast<unsigned>(in_w) >= static_cast<unsigned>(W::in);
        pixels[i] = missing ? padding : four_channels<channels>(line + in_w * W::x_step, channel);
      }
#pragma unroll
      for (int four = 0; four < Shape::fours; ++four) {
        const int at = ((kd * H::kernel + kh) * Shape::fours + four) * Shape::w_channels + channel;
        const auto taps =
            *reinterpret_cast<const Several<unsigned, 4>*>(w + static_cast<i64>(at) * 4);
#pragma unroll
        for (int r = 0; r < run; ++r) {
          unsigned inputs[4], by_channel[4], given = 0;
#pragma unroll
          for (int k = 0; k < 4; ++k) {
            const int tap = four * 4 + k;
            if (tap < W::kernel) given |= 1u << k * 8;
            inputs[k] = tap < W::kernel ? pixels[r * W::stride + tap * W::dilation] : 0;
          }
          transpose_bytes(inputs, by_channel);
#pragma unroll
          for (int c = 0; c < 4; ++c) {
            sums[r][c] = quantize::FourProducts<X, F>::add(by_channel[c], taps.at[c], sums[r][c]);
            if constexpr (Shape::w_zeros)
              x_sums[r][c] = quantize::FourProducts<X, X>::add(by_channel[c], given, x_sums[r][c]);
          }
        }
      }
    }
  }
  Y results[run][4];
#pragma unroll
  for (int c = 0; c < 4; ++c) {
    const int own = channel + c < channels ? channel + c : channels - 1;
    const Finish<Y> finish(known, own);
#pragma unroll
    for (int r = 0; r < run; ++r) {
      int sum = sums[r][c];
      if constexpr (Shape::w_zeros) sum -= known.w_zero(own) * x_sums[r][c];
      results[r][c] = finish(sum);
    }
  }
  Y* to = y + (image * Shape::y_image + out_d * D::y_step + out_h * H::y_step + channel);
#pragma unroll
  for (int r = 0; r < run; ++r) {
    if (first + r >= W::out) return;
    Y* pixel = to + (first + r) * W::y_step;
    if constexpr (Shape::y_width == 4) {
      *reinterpret_cast<Several<Y, 4>*>(pixel) = {
          {results[r][0], results[r][1], results[r][2], results[r][3]}};
    } else {
#pragma unroll
      for (int c = 0; c < 4; ++c) {
        if (channel + c < channels) pixel[c] = results[r][c];
      }
    }
  }
}

}  // namespace integer_conv

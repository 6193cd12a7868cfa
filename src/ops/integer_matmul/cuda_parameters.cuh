#pragma once

#include "ops/quantize/cuda_bytes.cuh"

// What sums of products of bytes are finished with: numbers in one buffer of words,
//
//   offset [P], multiplier [P] (float), addend [P] (float), w_zero [P]   of each output channel;
//                              P is their number filled up to a multiple of 4
//   x_zero [4]                 sixteen bytes of what padding counts as
//   y_zero
//   factor, other_factor, addend (float), zero    of the sum behind (QLinearConvAdd)

namespace integer_matmul {

template <int CHANNELS>
struct Parameters {
  static constexpr int stride = (CHANNELS + 3) / 4 * 4;
  static constexpr int x_zero = 4 * stride, y_zero = x_zero + 4, added = y_zero + 1;
  static constexpr int words = added + 4;

  const int* data;

  __device__ __forceinline__ int offset(int channel) const { return data[channel]; }
  __device__ __forceinline__ float multiplier(int channel) const {
    return number(stride + channel);
  }
  __device__ __forceinline__ float addend(int channel) const {
    return number(2 * stride + channel);
  }
  __device__ __forceinline__ int w_zero(int channel) const { return data[3 * stride + channel]; }
  __device__ __forceinline__ float number(int at) const {
    return bits_to_float(static_cast<unsigned>(data[at]));
  }
};

/// Sums wrap.
__device__ __forceinline__ int wrapping_sum(int a, int b) {
  return static_cast<int>(static_cast<unsigned>(a) + static_cast<unsigned>(b));
}
__device__ __forceinline__ int wrapping_product(int a, int b) {
  return static_cast<int>(static_cast<unsigned>(a) * static_cast<unsigned>(b));
}

/// A channel's sum, finished as a Y: a byte, a float, or an int.
template <class Y>
struct Finish {
  int offset, zero;
  float multiplier;

  template <class P>
  __device__ __forceinline__ Finish(const P& parameters, int channel)
      : offset(parameters.offset(channel)),
        zero(parameters.data[P::y_zero]),
        multiplier(parameters.multiplier(channel)) {}
  __device__ __forceinline__ Y operator()(int sum) const {
    const float number = static_cast<float>(wrapping_sum(sum, offset));
    return static_cast<Y>(quantize::saturated<Y>(quantize::product(number, multiplier), zero));
  }
};
template <>
struct Finish<float> {
  int offset;
  float multiplier, addend;

  template <class P>
  __device__ __forceinline__ Finish(const P& parameters, int channel)
      : offset(parameters.offset(channel)),
        multiplier(parameters.multiplier(channel)),
        addend(parameters.addend(channel)) {}
  __device__ __forceinline__ float operator()(int sum) const {
    return fmaf(static_cast<float>(wrapping_sum(sum, offset)), multiplier, addend);
  }
};
template <>
struct Finish<int> {
  int offset;

  template <class P>
  __device__ __forceinline__ Finish(const P& parameters, int channel)
      : offset(parameters.offset(channel)) {}
  __device__ __forceinline__ int operator()(int sum) const { return wrapping_sum(sum, offset); }
};

/// q, a byte of the product, added to another tensor's.
struct AddBytes {
  float factor, other_factor, addend;
  int zero;

  template <class P>
  __device__ __forceinline__ explicit AddBytes(const P& parameters)
      : factor(parameters.number(P::added)),
        other_factor(parameters.number(P::added + 1)),
        addend(parameters.number(P::added + 2)),
        zero(parameters.data[P::added + 3]) {}
  template <class Y, bool OTHER_FIRST>
  __device__ __forceinline__ Y sum(int q, int other) const {
    const float a = static_cast<float>(q), b = static_cast<float>(other);
    const float value = OTHER_FIRST ? fmaf(b, other_factor, fmaf(a, factor, addend))
                                    : fmaf(a, factor, fmaf(b, other_factor, addend));
    return static_cast<Y>(quantize::saturated<Y>(value, zero));
  }
};

enum class Bias { none, steps, addend };

/// Fills the buffer where scales or zero points are known while running only; a thread a channel.
/// `sums` are those of each channel's DEPTH weights. W_SCALES, W_ZEROS: 0 where there are none, 1
/// for one of all channels. What is absent is not read.
template <int CHANNELS, int DEPTH, bool HAS_X_ZERO, int W_SCALES, int W_ZEROS, bool HAS_Y,
          Bias BIAS, class X, class W, class Y, class B>
__device__ __forceinline__ void prepare(const int* sums, const float* x_scale, const X* x_zero,
                                        const float* w_scale, const W* w_zero, const float* y_scale,
                                        const Y* y_zero, const B* bias, int* to) {
  using P = Parameters<CHANNELS>;
  const int channel = static_cast<int>(global_thread());
  const int zero_of_x = HAS_X_ZERO ? static_cast<int>(*x_zero) : 0;
  if (channel == 0) {
    const unsigned byte = static_cast<unsigned>(zero_of_x) & 0xff;
    for (int i = 0; i < 4; ++i) to[P::x_zero + i] = static_cast<int>(byte * 0x01010101u);
    to[P::y_zero] = HAS_Y ? static_cast<int>(*y_zero) : 0;
  }
  if (channel >= CHANNELS) return;
  int zero_of_w = 0, offset = 0;
  if constexpr (W_ZEROS > 0) zero_of_w = static_cast<int>(w_zero[W_ZEROS > 1 ? channel : 0]);
  if constexpr (BIAS == Bias::steps) offset = static_cast<int>(bias[channel]);
  const int weights = wrapping_sum(sums[channel], -wrapping_product(DEPTH, zero_of_w));
  float multiplier = 1, addend = 0;
  if constexpr (W_SCALES > 0) {
    multiplier = quantize::product(*x_scale, w_scale[W_SCALES > 1 ? channel : 0]);
    if constexpr (HAS_Y) multiplier = multiplier / *y_scale;
  }
  if constexpr (BIAS == Bias::addend) addend = static_cast<float>(bias[channel]);
  to[channel] = wrapping_sum(offset, -wrapping_product(zero_of_x, weights));
  to[P::stride + channel] = static_cast<int>(float_to_bits(multiplier));
  to[2 * P::stride + channel] = static_cast<int>(float_to_bits(addend));
  to[3 * P::stride + channel] = zero_of_w;
}

/// The same for the sum behind the product; one thread.
template <int CHANNELS, class Q, class O, class Y>
__device__ __forceinline__ void prepare_added(const float* q_scale, const Q* q_zero,
                                              const float* other_scale, const O* other_zero,
                                              const float* y_scale, const Y* y_zero, int* to) {
  using P = Parameters<CHANNELS>;
  const float factor = *q_scale / *y_scale, other_factor = *other_scale / *y_scale;
  const float addend =
      quantize::sum(-quantize::product(static_cast<float>(*q_zero), factor),
                    -quantize::product(static_cast<float>(*other_zero), other_factor));
  to[P::added] = static_cast<int>(float_to_bits(factor));
  to[P::added + 1] = static_cast<int>(float_to_bits(other_factor));
  to[P::added + 2] = static_cast<int>(float_to_bits(addend));
  to[P::added + 3] = static_cast<int>(*y_zero);
}

}  // namespace integer_matmul

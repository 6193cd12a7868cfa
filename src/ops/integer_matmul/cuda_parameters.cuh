#pragma once

#include "ops/quantize/cuda_bytes.cuh"

// What sums of products of bytes are finished with, for each output channel: known before the run,
// or made of operands by each kernel. What is known is in one buffer of words,
//
//   offset [P], multiplier [P] (float), addend [P] (float), w_zero [P]   of each output channel;
//                              P is their number filled up to a multiple of 4
//   x_zero, y_zero
//   factor, other_factor, addend (float), zero    of the sum behind (QLinearConvAdd)

namespace integer_matmul {

template <int CHANNELS>
struct Parameters {
  static constexpr int stride = (CHANNELS + 3) / 4 * 4;
  static constexpr int x_zero_at = 4 * stride, y_zero_at = x_zero_at + 1, added = y_zero_at + 1;

  const int* data;

  __device__ __forceinline__ int x_zero() const { return data[x_zero_at]; }
  __device__ __forceinline__ int y_zero() const { return data[y_zero_at]; }

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
__device__ __forceinline__ int wrapping_difference(int a, int b) {
  return static_cast<int>(static_cast<unsigned>(a) - static_cast<unsigned>(b));
}
__device__ __forceinline__ int wrapping_product(int a, int b) {
  return static_cast<int>(static_cast<unsigned>(a) * static_cast<unsigned>(b));
}

enum class Bias { none, steps, addend };

/// Which parameters there are. W_SCALES, W_ZEROS: 0 where there are none, 1 for one of all
/// channels.
template <bool HAS_X_ZERO, int W_SCALES, int W_ZEROS, bool HAS_Y, Bias BIAS>
struct Which {
  static constexpr bool x_zero = HAS_X_ZERO, y = HAS_Y;
  static constexpr int w_scales = W_SCALES, w_zeros = W_ZEROS;
  static constexpr Bias bias = BIAS;
};

/// The same of operands; `sums` are those of each channel's DEPTH weights. What is absent is not
/// read.
template <int CHANNELS, int DEPTH, class WHICH, class X, class W, class Q, class B>
struct Given {
  const int* sums;
  const float* x_scales;
  const X* x_zeros;
  const float* w_scales;
  const W* w_zeros;
  const float* y_scales;
  const Q* y_zeros;
  const B* bias;

  __device__ __forceinline__ int x_zero() const {
    if constexpr (WHICH::x_zero) return static_cast<int>(*x_zeros);
    return 0;
  }
  __device__ __forceinline__ int y_zero() const {
    if constexpr (WHICH::y) return static_cast<int>(*y_zeros);
    return 0;
  }
  __device__ __forceinline__ int w_zero(int channel) const {
    if constexpr (WHICH::w_zeros > 0)
      return static_cast<int>(w_zeros[WHICH::w_zeros > 1 ? channel : 0]);
    return 0;
  }
  __device__ __forceinline__ int offset(int channel) const {
    const int weights =
        wrapping_difference(sums[channel], wrapping_product(DEPTH, w_zero(channel)));
    int steps = 0;
    if constexpr (WHICH::bias == Bias::steps) steps = static_cast<int>(bias[channel]);
    return wrapping_difference(steps, wrapping_product(x_zero(), weights));
  }
  __device__ __forceinline__ float multiplier(int channel) const {
    if constexpr (WHICH::w_scales == 0) return 1;
    const float scale = w_scales[WHICH::w_scales > 1 ? channel : 0];
    const float multiplier = quantize::product(*x_scales, scale);
    if constexpr (WHICH::y) return multiplier / *y_scales;
    return multiplier;
  }
  __device__ __forceinline__ float addend(int channel) const {
    if constexpr (WHICH::bias == Bias::addend) return static_cast<float>(bias[channel]);
    return 0;
  }
};

/// A channel's sum, finished as a Y: a byte, a float, or an int.
template <class Y>
struct Finish {
  int offset, zero;
  float multiplier;

  template <class P>
  __device__ __forceinline__ Finish(const P& parameters, int channel)
      : offset(parameters.offset(channel)),
        zero(parameters.y_zero()),
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

/// Fills the buffer of words; a thread a channel.
template <class GIVEN, int CHANNELS>
__device__ __forceinline__ void fill(const GIVEN& given, int* to) {
  using P = Parameters<CHANNELS>;
  const int channel = static_cast<int>(global_thread());
  if (channel == 0) {
    to[P::x_zero_at] = given.x_zero();
    to[P::y_zero_at] = given.y_zero();
  }
  if (channel >= CHANNELS) return;
  to[channel] = given.offset(channel);
  to[P::stride + channel] = static_cast<int>(float_to_bits(given.multiplier(channel)));
  to[2 * P::stride + channel] = static_cast<int>(float_to_bits(given.addend(channel)));
  to[3 * P::stride + channel] = given.w_zero(channel);
}
template <class GIVEN, int CHANNELS, class... Pointers>
__device__ __forceinline__ void prepare(int* to, Pointers... pointers) {
  fill<GIVEN, CHANNELS>(GIVEN{pointers...}, to);
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

#pragma once

#include "ops/quantize/cuda_bytes.cuh"

// QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear: threads take RUN vectors of WIDTH
// neighbours in memory.

namespace quantize {

/// Which scale element i of x in memory has: ScaleMap's numbers (ops/quantize/op.h).
template <class Index, i64 AXIS, i64 INNER, i64 BLOCK, i64 OUTER_STEP, i64 AXIS_STEP,
          i64 INNER_STEP>
struct Scales {
  static constexpr bool one = OUTER_STEP == 0 && AXIS_STEP == 0 && INNER_STEP == 0;
  /// Whether neighbours that a vector of that width holds share a scale.
  static __device__ constexpr bool shared(int width) {
    return one || (INNER_STEP == 0 && INNER % width == 0);
  }
  static __device__ __forceinline__ Index at(Index i) {
    if constexpr (one) return 0;
    const Index inner = i % static_cast<Index>(INNER), rest = i / static_cast<Index>(INNER);
    const Index axis = rest % static_cast<Index>(AXIS), outer = rest / static_cast<Index>(AXIS);
    return outer * static_cast<Index>(OUTER_STEP) +
           axis / static_cast<Index>(BLOCK) * static_cast<Index>(AXIS_STEP) +
           inner * static_cast<Index>(INNER_STEP);
  }
};

/// Where vectors of this thread begin; calls body(first element) for each.
template <class Index, i64 SIZE, int WIDTH, int RUN, int THREADS, class Body>
__device__ __forceinline__ void for_vectors(const Body& body) {
  const i64 first = static_cast<i64>(blockIdx.x) * (THREADS * RUN) + threadIdx.x;
#pragma unroll
  for (int r = 0; r < RUN; ++r) {
    const i64 vector = first + r * THREADS;
    if (vector < SIZE / WIDTH) body(static_cast<Index>(vector * WIDTH));
  }
}

template <class Index, class Scales, class Precision, bool HAS_ZERO, i64 SIZE, int WIDTH, int RUN,
          int THREADS, class X, class S, class Z, class Y>
__device__ __forceinline__ void quantize(const X* __restrict__ x, const S* __restrict__ scale,
                                         const Z* __restrict__ zero, Y* __restrict__ y) {
  const auto zero_at = [&](Index at) {
    if constexpr (HAS_ZERO) return static_cast<int>(zero[at]);
    return 0;
  };
  const auto quantized = [](float quotient, int zero_point) {
    const float rounded = to_compute(from_compute<Precision>(quotient));
    if constexpr (is_f8<Y>) {
      return from_compute<Y>(rounded);
    } else {
      return static_cast<Y>(saturated<Y>(rounded, zero_point));
    }
  };
  const auto number = [](X value) { return static_cast<float>(to_compute(value)); };
  using Xs = Several<X, WIDTH>;
  using Ys = Several<Y, WIDTH>;
  // Quotients lose what is no number.
  if constexpr (Scales::one && !is_f8<Y>) {
    const Quotients quotient(static_cast<float>(to_compute(scale[0])));
    const int zero_point = zero_at(0);
    for_vectors<Index, SIZE, WIDTH, RUN, THREADS>([&](Index i) {
      const Xs from = *reinterpret_cast<const Xs*>(x + i);
      Ys to;
#pragma unroll
      for (int k = 0; k < WIDTH; ++k)
        to.at[k] = quantized(quotient(number(from.at[k])), zero_point);
      *reinterpret_cast<Ys*>(y + i) = to;
    });
  } else {
    constexpr bool shared = Scales::shared(WIDTH);
    for_vectors<Index, SIZE, WIDTH, RUN, THREADS>([&](Index i) {
      const Xs from = *reinterpret_cast<const Xs*>(x + i);
      Ys to;
#pragma unroll
      for (int k = 0; k < WIDTH; ++k) {
        const Index at = Scales::at(shared ? i : i + k);
        const float divisor = static_cast<float>(to_compute(scale[at]));
        to.at[k] = quantized(number(from.at[k]) / divisor, zero_at(at));
      }
      *reinterpret_cast<Ys*>(y + i) = to;
    });
  }
}

/// What holds the difference of any two.
template <class T>
struct Difference {
  using type = int;
};
template <>
struct Difference<int> {
  using type = i64;
};
template <>
struct Difference<f8e4m3> {
  using type = float;
};

template <class Index, class Scales, bool HAS_ZERO, i64 SIZE, int WIDTH, int RUN, int THREADS,
          class X, class S, class Z, class Y>
__device__ __forceinline__ void dequantize(const X* __restrict__ x, const S* __restrict__ scale,
                                           const Z* __restrict__ zero, Y* __restrict__ y) {
  using Wide = typename Difference<X>::type;
  constexpr bool shared = Scales::shared(WIDTH);
  using Xs = Several<X, WIDTH>;
  using Ys = Several<Y, WIDTH>;
  for_vectors<Index, SIZE, WIDTH, RUN, THREADS>([&](Index i) {
    const Xs from = *reinterpret_cast<const Xs*>(x + i);
    Ys to;
#pragma unroll
    for (int k = 0; k < WIDTH; ++k) {
      const Index at = Scales::at(shared ? i : i + k);
      auto number = static_cast<Wide>(to_compute(from.at[k]));
      if constexpr (HAS_ZERO) number -= static_cast<Wide>(zero[at]);
      const float factor = static_cast<float>(to_compute(scale[at]));
      to.at[k] = from_compute<Y>(product(static_cast<float>(number), factor));
    }
    *reinterpret_cast<Ys*>(y + i) = to;
  });
}

/// The smallest and largest number of x and 0 that a grid's threads find, STEP of them; every
/// thread of a block gets what its block found.
template <i64 SIZE, int THREADS>
__device__ __forceinline__ void find_range(const float* __restrict__ x, i64 step, float& low,
                                           float& high) {
  constexpr int width = SIZE % 4 == 0 ? 4 : 1;
  low = high = 0;
#pragma unroll 4
  for (i64 i = global_thread(); i < SIZE / width; i += step) {
    const auto values = *reinterpret_cast<const Several<float, width>*>(x + i * width);
#pragma unroll
    for (int k = 0; k < width; ++k) {
      low = values.at[k] < low ? values.at[k] : low;
      high = values.at[k] > high ? values.at[k] : high;
    }
  }
  high = block_reduce<Largest<float>, THREADS>(high);
  low = -block_reduce<Largest<float>, THREADS>(-low);
}

/// Each block's range, [blocks][2].
template <i64 SIZE, int THREADS>
__device__ __forceinline__ void ranges(const float* __restrict__ x, float* __restrict__ ranges) {
  float low, high;
  find_range<SIZE, THREADS>(x, static_cast<i64>(gridDim.x) * THREADS, low, high);
  if (threadIdx.x == 0) {
    ranges[blockIdx.x * 2] = low;
    ranges[blockIdx.x * 2 + 1] = high;
  }
}

/// As dynamic_range in op.h.
struct DynamicRange {
  float scale;
  int zero;

  __device__ __forceinline__ DynamicRange(float low, float high) {
    scale = high > low ? sum(high, -low) / 255.0f : 1.0f;
    const float start = sum(0.0f, -(low / scale));
    zero = __float2int_rn(fminf(fmaxf(start, 0.0f), 255.0f));
  }
};

template <int WIDTH>
__device__ __forceinline__ void quantize_vector(const float* __restrict__ x,
                                                unsigned char* __restrict__ y,
                                                const Quotients& quotient, int zero) {
  const auto from = *reinterpret_cast<const Several<float, WIDTH>*>(x);
  Several<unsigned char, WIDTH> to;
#pragma unroll
  for (int k = 0; k < WIDTH; ++k)
    to.at[k] = static_cast<unsigned char>(saturated<unsigned char>(quotient(from.at[k]), zero));
  *reinterpret_cast<Several<unsigned char, WIDTH>*>(y) = to;
}

/// y, its scale and zero point for the range of BLOCKS blocks.
template <i64 SIZE, int BLOCKS, int RUN, int THREADS>
__device__ __forceinline__ void quantize_range(const float* __restrict__ x,
                                               const float* __restrict__ ranges,
                                               unsigned char* __restrict__ y,
                                               float* __restrict__ y_scale,
                                               unsigned char* __restrict__ y_zero) {
  float low = 0, high = 0;
  for (int i = static_cast<int>(threadIdx.x); i < BLOCKS; i += THREADS) {
    low = fminf(low, ranges[i * 2]);
    high = fmaxf(high, ranges[i * 2 + 1]);
  }
  high = block_reduce<Largest<float>, THREADS>(high);
  low = -block_reduce<Largest<float>, THREADS>(-low);
  const DynamicRange range(low, high);
  if (global_thread() == 0) {
    y_scale[0] = range.scale;
    y_zero[0] = static_cast<unsigned char>(range.zero);
  }
  constexpr int width = SIZE % 4 == 0 ? 4 : 1;
  const Quotients quotient(range.scale);
  for_vectors<i64, SIZE, width, RUN, THREADS>(
      [&](i64 i) { quantize_vector<width>(x + i, y + i, quotient, range.zero); });
}

/// All of it by one block.
template <i64 SIZE, int THREADS>
__device__ __forceinline__ void quantize_range_alone(const float* __restrict__ x,
                                                     unsigned char* __restrict__ y,
                                                     float* __restrict__ y_scale,
                                                     unsigned char* __restrict__ y_zero) {
  float low, high;
  find_range<SIZE, THREADS>(x, THREADS, low, high);
  const DynamicRange range(low, high);
  if (threadIdx.x == 0) {
    y_scale[0] = range.scale;
    y_zero[0] = static_cast<unsigned char>(range.zero);
  }
  constexpr int width = SIZE % 4 == 0 ? 4 : 1;
  const Quotients quotient(range.scale);
#pragma unroll 4
  for (i64 i = threadIdx.x; i < SIZE / width; i += THREADS)
    quantize_vector<width>(x + i * width, y + i * width, quotient, range.zero);
}

}  // namespace quantize

#pragma once

#include "ops/quantize/cuda_bytes.cuh"

// QLinearAdd, as the processors compute it: two multiply-adds by factors of each term.

namespace integer_add {

/// a · a_factor + (b · b_factor + addend), in y's steps above its zero point.
struct ByteSum {
  float a_factor, b_factor, addend;

  __device__ __forceinline__ ByteSum(float a_scale, int a_zero, float b_scale, int b_zero,
                                     float y_scale) {
    a_factor = a_scale / y_scale;
    b_factor = b_scale / y_scale;
    addend = quantize::sum(-quantize::product(static_cast<float>(a_zero), a_factor),
                           -quantize::product(static_cast<float>(b_zero), b_factor));
  }
  __device__ __forceinline__ float operator()(int a, int b) const {
    return fmaf(static_cast<float>(a), a_factor, fmaf(static_cast<float>(b), b_factor, addend));
  }
};

template <i64 SIZE, int WIDTH, class A, class B, class Y>
__device__ __forceinline__ void add(const A* a, const float* a_scale, const A* a_zero, const B* b,
                                    const float* b_scale, const B* b_zero, const float* y_scale,
                                    const Y* y_zero, Y* y) {
  const i64 vector = global_thread();
  if (vector >= SIZE / WIDTH) return;
  const auto as = *reinterpret_cast<const Several<A, WIDTH>*>(a + vector * WIDTH);
  const auto bs = *reinterpret_cast<const Several<B, WIDTH>*>(b + vector * WIDTH);
  const ByteSum sum(*a_scale, *a_zero, *b_scale, *b_zero, *y_scale);
  const int zero = *y_zero;
  Several<Y, WIDTH> ys;
#pragma unroll
  for (int k = 0; k < WIDTH; ++k)
    ys.at[k] = static_cast<Y>(quantize::saturated<Y>(sum(as.at[k], bs.at[k]), zero));
  *reinterpret_cast<Several<Y, WIDTH>*>(y + vector * WIDTH) = ys;
}

}  // namespace integer_add

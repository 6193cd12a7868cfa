/* The kernels of snake.c, for sizes that are known while running. */
#include "snake_sizes.h"

static __device__ float snake(float x, float alpha) {
  const float wave = sinf(alpha * x);
  return x + wave * wave / alpha;
}

extern "C" __global__ void snake_by_channel(const float* x, const float* alphas, float* y,
                                            snake_sizes sizes) {
  const long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < sizes.size) y[i] = snake(x[i], alphas[i / sizes.plane % sizes.channels]);
}

extern "C" __global__ void snake_of_one(const float* x, float* y, snake_sizes sizes) {
  const long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < sizes.size) y[i] = snake(x[i], sizes.alpha);
}

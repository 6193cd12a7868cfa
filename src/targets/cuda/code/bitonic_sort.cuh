#pragma once

/// Sorts COUNT keys in shared memory, a power of two, the greatest first; with a block of THREADS
/// (bitonic: Batcher, 1968).
template <int COUNT, int THREADS>
__device__ __forceinline__ void bitonic_sort(u64* keys) {
  for (int length = 2; length <= COUNT; length *= 2) {
    for (int apart = length / 2; apart > 0; apart /= 2) {
      __syncthreads();
      for (int i = static_cast<int>(threadIdx.x); i < COUNT / 2; i += THREADS) {
        const int low = 2 * i - (i & (apart - 1)), high = low + apart;
        const u64 a = keys[low], b = keys[high];
        const bool descending = (low & length) == 0;
        if ((a < b) == descending) {
          keys[low] = b;
          keys[high] = a;
        }
      }
    }
  }
  __syncthreads();
}

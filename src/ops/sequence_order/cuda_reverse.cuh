#pragma once

#include "ops/movement/cuda_copy.cuh"

namespace sequence_order {

/// Rows of INNER elements, one element a thread; a row is step t of batch n, the batch outermost or
/// innermost. Lengths beyond STEPS, which the reference refuses, count as STEPS.
template <int BYTES, class Index, bool BATCH_FIRST, i64 BATCH, i64 STEPS, i64 INNER, i64 TOTAL>
__device__ __forceinline__ void reverse(const void* x, const Index* __restrict__ lengths, void* y) {
  using T = movement::element_t<BYTES>;
  const i64 item = global_thread();
  if (item >= TOTAL) return;
  const i64 row = item / INNER;
  const i64 n = BATCH_FIRST ? row / STEPS : row % BATCH;
  const i64 t = BATCH_FIRST ? row % STEPS : row / BATCH;
  i64 length = static_cast<i64>(lengths[n]);
  if (length > STEPS) length = STEPS;
  const i64 step = t < length ? length - 1 - t : t;
  const i64 from = BATCH_FIRST ? n * STEPS + step : step * BATCH + n;
  static_cast<T*>(y)[item] = static_cast<const T*>(x)[from * INNER + (item - row * INNER)];
}

}  // namespace sequence_order

#pragma once

#include "ops/movement/cuda_copy.cuh"

namespace triangle {

/// Groups of WIDTH neighbours of a row, one a thread; `k` null: 0. The columns from `border` on
/// stay (UPPER) or those before it.
template <int BYTES, int WIDTH, class Index, bool UPPER, i64 ROWS, i64 COLUMNS, i64 TOTAL>
__device__ __forceinline__ void groups(const void* x, void* y, const Index* k) {
  using T = Several<movement::element_t<BYTES>, WIDTH>;
  const i64 item = global_thread();
  if (item >= TOTAL) return;
  const i64 line = item / (COLUMNS / WIDTH), column = (item - line * (COLUMNS / WIDTH)) * WIDTH;
  i64 diagonal = k ? static_cast<i64>(*k) : 0;
  if (diagonal < -ROWS - 1) diagonal = -ROWS - 1;
  if (diagonal > COLUMNS + 1) diagonal = COLUMNS + 1;
  const i64 border = line % ROWS + diagonal + (UPPER ? 0 : 1);
  T values = static_cast<const T*>(x)[item];
#pragma unroll
  for (int i = 0; i < WIDTH; ++i) {
    if ((column + i < border) == UPPER) values.at[i] = {};
  }
  static_cast<T*>(y)[item] = values;
}
template <int BYTES, int WIDTH, class Index, bool UPPER, i64 ROWS, i64 COLUMNS, i64 TOTAL>
__device__ __forceinline__ void groups(const void* x, void* y) {
  groups<BYTES, WIDTH, Index, UPPER, ROWS, COLUMNS, TOTAL>(x, y,
                                                           static_cast<const Index*>(nullptr));
}

}  // namespace triangle

#pragma once

#include <cstddef>
#include <cstdint>

#include "targets/cpu/gemm/tile_unit.h"

/// Products of f32 in fixed point, on the tile unit's products of int8.
///
/// A row of A, and a column of B, is a scale times integers of 24 bits, its largest one being
/// 127 · 2¹⁶; each integer is cut into three signed bytes ("slices"). Of the nine products of the
/// slices of a and b the six largest are formed and added up exactly, those of one weight together.
/// What rounding and the three others leave out is at most 2⁻²² · max |a| · max |b| for each
/// product summed, over the row and the column: about what a chain of fused multiply-adds errs by
/// where neither is much larger than the rest. A slice holds three quarters of the bytes of f32,
/// and there are half as many products as in parts of bf16 (tile_unit.h), which are as exact for
/// every single number. A row or column with an infinity or a NaN is NaN; one whose numbers are all
/// below 1e-30 is zero. Source: Ootomo, Ozaki and Yokota, "DGEMM on Integer Matrix Multiplication
/// Unit" (2024), for f32.
///
/// A is cut into tiles of 16 rows by 64 k, B into tiles of 64 k by 16 columns, k in the order in
/// which slice_row() leaves it. Nothing allocates; all is thread-safe. Needs the tile unit, but
/// slice_columns().
namespace drawbar::cpu {

constexpr int64_t kSlices = 3;
constexpr int64_t kSliceDepth = 64;  // k
constexpr int64_t kMostSlicedDepth = 32768;

constexpr int64_t slice_steps(int64_t k) { return (k + kSliceDepth - 1) / kSliceDepth; }

/// Bytes of the rows of A: [m / 16][k / 64][slice] tiles.
constexpr int64_t sliced_rows_bytes(int64_t m, int64_t k) {
  return (m + kTileRows - 1) / kTileRows * slice_steps(k) * kSlices * kTileBytes;
}

/// Bytes of a panel of 32 columns of B, [k / 64][slice][2] tiles, and of all of them with a scale
/// per column behind.
constexpr int64_t sliced_panel_bytes(int64_t k) {
  return slice_steps(k) * kSlices * 2 * kTileBytes;
}
constexpr int64_t sliced_columns_bytes(int64_t k, int64_t n) {
  return (n + kTilePanel - 1) / kTilePanel * (sliced_panel_bytes(k) + kTilePanel * 4);
}

/// Slices row `i` of A; `row` has zeros from k to a multiple of 64. `out` and the numbers are
/// 64-byte aligned. Returns the scale.
float slice_row(const float* row, int64_t k, int64_t i, std::byte* out);

/// Slices B [k, n], row-major with ldb. `out` is 64-byte aligned.
void slice_columns(const float* b, int64_t ldb, int64_t k, int64_t n, std::byte* out);

/// C [m, n] = A · B of slices; k is at most kMostSlicedDepth, for integers to hold the sums.
struct SlicedProduct {
  int64_t m = 0, k = 0, n = 0;
  const std::byte* a = nullptr;
  const float* a_scales = nullptr;  // [m]
  const std::byte* b = nullptr;
  const std::byte* next_b = nullptr;  // the B of the next product of that shape, or null
  float* c = nullptr;
  int64_t ldc = 0;
};
void multiply_slices(const SlicedProduct& product);

}  // namespace drawbar::cpu

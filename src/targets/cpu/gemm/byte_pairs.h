#pragma once

#include <cstdint>
#include <vector>

#include "targets/cpu/gemm/microkernel.h"

/// How weights are made ready for products of bytes whose first sums have 16 bits (AVX2, AVX-512
/// without VNNI): u8 times i8, two products or four to a sum, where 255 · 129 saturates. Most
/// weights never come near it: what exceeds is taken off them, and multiplied for itself.
namespace drawbar::cpu {

/// The most that the positive weights of a sum of 16 bits may add up to, and the negative ones
/// below 0: 255 times as much fits.
constexpr int kMostOfPairs = 128;

/// Whether two products by these weights can be added in 16 bits whatever the bytes.
constexpr bool fits_pair(int a, int b) {
  const int positive = (a > 0 ? a : 0) + (b > 0 ? b : 0), negative = a + b - positive;
  return positive <= kMostOfPairs && negative >= -kMostOfPairs;
}

/// Weights of some columns side by side. Sums of 16 bits are formed of bytes 0 and 1, and of bytes
/// 2 and 3, of a step, with `Multiply::fours` of two steps: `by` · u8 never exceeds them.
struct PairedVector {
  std::vector<int8_t> by;        // [k / 4][columns][4]
  std::vector<ByteExtra> extra;  // what is to be multiplied beside them …
  std::vector<int8_t> extra_by;  // … [extra][columns][4]
};

/// Columns [column, column + columns) of B [k, n] of integers of 9 bits; element (i, j) is at
/// b[i · n + j], 0 where there is none. Rows of A are runs of `run` bytes, a multiple of 4 where
/// there are several; steps of two of them are never added in 16 bits.
PairedVector pair_vector(const int16_t* b, int64_t k, int64_t n, int64_t run, int64_t column,
                         int64_t columns, Multiply multiply);

}  // namespace drawbar::cpu

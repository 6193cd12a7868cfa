#pragma once

#include <cstdint>

#include "targets/cpu/isa.h"

namespace drawbar::cpu {

/// panel_width(isa) columns of the weights of MatMulNBits, side by side as the panels of gemm.h
/// are: what is read for one row of k is contiguous. W is that width.
struct NBitsPanel {
  int64_t bits = 4, block_size = 32, blocks = 1;
  const uint8_t* q = nullptr;     // [blocks · block_size · bits / 8][W]: 8 / bits rows a byte
  const float* scales = nullptr;  // [blocks][W]
  const uint8_t* zero_bytes = nullptr;  // [blocks][W], or null
  const float* zeros = nullptr;         // [blocks][W], or null; both null: 2^(bits - 1)
};

constexpr int64_t most_nbits_rows = 4;

/// y[r][c] = a's row r · column c of the panel, for `rows` <= most_nbits_rows and all W columns.
/// Rows of a are blocks · block_size long (behind K there are zeros), sums[r][block] are the sums
/// of a's blocks.
using NBitsMultiply = void (*)(const NBitsPanel&, int64_t rows, const float* a, const float* sums,
                               float* y);
NBitsMultiply nbits_multiply(Isa isa);

/// The weights of the blocks [begin, end) as f32: to[k][W].
using NBitsUnpack = void (*)(const NBitsPanel&, int64_t begin, int64_t end, float* to);
NBitsUnpack nbits_unpack(Isa isa);

}  // namespace drawbar::cpu

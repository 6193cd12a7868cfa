#pragma once

#include "targets/cpu/gemm/byte_row_tiles.h"

/// Products of bytes on the tile unit. Functions need it; none allocates.
namespace drawbar::cpu {

constexpr int64_t kMostBlockRows = 256;

/// What rows [row, row + rows) of A, at most kMostBlockRows, are of y in the panels [panel,
/// panel_end), from their tiles.
/// Where B is likely to be in no cache near (is_cold), it is prefetched.
void multiply_byte_tiles(const TiledRows& tiled, const ByteRows& a, const PackedBytes& b,
                         bool is_cold, int64_t row, int64_t rows, int64_t panel, int64_t panel_end,
                         void* y, int64_t y_ld, const ByteEpilogue& epilogue);

}  // namespace drawbar::cpu

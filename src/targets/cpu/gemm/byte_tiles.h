#pragma once

#include "targets/cpu/gemm/bytes.h"
#include "targets/cpu/gemm/tile_unit.h"

/// Products of bytes on the tile unit. Functions need it; none allocates.
namespace drawbar::cpu {

constexpr int64_t kByteDepth = 64;  // k of a tile

/// Bytes of `rows` rows of A: [rows / 16][k / 64] tiles of 16 rows.
constexpr int64_t tiled_rows_bytes(int64_t rows, int64_t k) {
  return (rows + kTileRows - 1) / kTileRows * kTileRows * ((k + kByteDepth - 1) / kByteDepth) *
         kByteDepth;
}

/// Rows as ByteRows gives them (`list` has their pointers) as such tiles, zeros beyond taps · k.
void tile_rows(const std::byte* const* list, int64_t rows, int64_t taps, int64_t k, std::byte* out);

/// Rows [row, row + rows) of y in the panels [panel, panel_end), from A's tiles.
void multiply_byte_tiles(const std::byte* a, bool is_signed, const PackedBytes& b, int64_t row,
                         int64_t rows, int64_t panel, int64_t panel_end, void* y, int64_t y_ld,
                         const ByteEpilogue& epilogue);

}  // namespace drawbar::cpu

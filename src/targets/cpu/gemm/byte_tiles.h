#pragma once

#include "targets/cpu/gemm/bytes.h"
#include "targets/cpu/gemm/tile_unit.h"

/// Products of bytes on the tile unit. Functions need it; none allocates.
namespace drawbar::cpu {

constexpr int64_t kByteDepth = 64;  // k of a tile

/// Bytes of a row of A of `k` bytes as it is multiplied.
constexpr int64_t tiled_depth(int64_t k) { return (k + kByteDepth - 1) / kByteDepth * kByteDepth; }

/// Where a tile of 16 rows of A lies: byte i of row r at at[r · stride + i].
struct RowTile {
  const std::byte* at = nullptr;
  int64_t stride = 0;
};

/// The rows of A as tiles that are `runs` times `steps` · 64 bytes long: those of ByteRows where
/// runs of A are whole steps, else one run of all.
struct TiledRows {
  TiledRows(int64_t taps, int64_t k)
      : runs(k % kByteDepth == 0 ? taps : 1), steps(tiled_depth(taps * k) / kByteDepth / runs) {}

  int64_t tiles(int64_t rows) const { return (rows + kTileRows - 1) / kTileRows * runs; }

  int64_t runs, steps;
  const RowTile* tile = nullptr;  // [rows / 16][runs]
};

/// Finds the tiles of `rows` rows of A, whose pointers are `list`. Tiles whose rows lie evenly
/// apart stay where they are; others are copied to `copies`, of rows · tiled_depth(taps · k) bytes.
/// What tiles have beyond the rows or beyond taps · k is anything.
void find_tiles(const ByteRows& a, const std::byte* const* list, int64_t rows, RowTile* tiles,
                std::byte* copies);

/// Rows [row, row + rows) of y in the panels [panel, panel_end), from A's tiles.
void multiply_byte_tiles(const TiledRows& a, bool is_signed, const PackedBytes& b, int64_t row,
                         int64_t rows, int64_t panel, int64_t panel_end, void* y, int64_t y_ld,
                         const ByteEpilogue& epilogue);

}  // namespace drawbar::cpu

#pragma once

#include "targets/cpu/gemm/bytes.h"
#include "targets/cpu/gemm/tile_unit.h"

/// Rows of bytes as tiles for the tile unit, which they are multiplied from where they lie if that
/// is possible. None allocates.
namespace drawbar::cpu {

/// Where a tile of 16 rows of A lies: byte i of row r at at[r · stride + i].
struct RowTile {
  const std::byte* at = nullptr;
  int64_t stride = 0;
};

/// The rows of A, of k bytes, as tiles: runs of A are padded each for itself, and cut into as few
/// steps as can be, of `depth` bytes each.
struct TiledRows {
  TiledRows(int64_t k, int64_t run);

  int64_t run_bytes() const { return steps * depth; }
  int64_t row_bytes() const { return runs * run_bytes(); }
  int64_t tiles(int64_t rows) const { return (rows + kTileRows - 1) / kTileRows * runs; }

  int64_t runs, steps, depth;
  const RowTile* tile = nullptr;  // [rows / 16][runs]
};

/// The run that B [k, n] should be packed for where rows of A are `taps` runs: k / taps, so that
/// rows need not be copied, or k.
int64_t run_for_tiles(int64_t k, int64_t n, int64_t taps);

/// Finds the tiles of rows [row, row + rows) of A. Tiles whose rows lie evenly apart stay where
/// they are; others are copied to `copies`, of rows · row_bytes() bytes. What tiles have beyond the
/// rows or beyond a run is anything. `list` has room for taps · rows pointers.
void find_tiles(const TiledRows& tiled, const ByteRows& a, int64_t row, int64_t rows,
                const std::byte** list, RowTile* tiles, std::byte* copies);

}  // namespace drawbar::cpu

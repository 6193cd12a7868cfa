#pragma once

#include "targets/cpu/gemm/bytes.h"
#include "targets/cpu/gemm/tile_unit.h"

namespace drawbar::cpu {

/// Sums [rows][kTilePanel] that the tile unit has formed, and where they belong.
struct TileSums {
  const int32_t* sums = nullptr;
  const int64_t* y_rows = nullptr;  // the row of y of each, or -1
  int64_t column = 0, rows = 0, columns = 0;
};

/// finish_bytes() for rows [begin, end) of such sums.
using FinishTile = void (*)(const ByteEpilogue& epilogue, const TileSums& sums, int64_t begin,
                            int64_t end, void* y, int64_t y_ld);

/// The way for an epilogue.
FinishTile finish_tile(const ByteEpilogue& epilogue);

}  // namespace drawbar::cpu

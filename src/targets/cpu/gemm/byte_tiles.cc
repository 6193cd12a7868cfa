#include "targets/cpu/gemm/byte_tiles.h"

#include <algorithm>

#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/byte_tile_finish.h"
#include "targets/cpu/gemm/intrinsics.h"

namespace drawbar::cpu {

#if defined(__x86_64__)
namespace {

#define DRAWBAR_BYTE_TARGET \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma,amx-tile,amx-int8")))

constexpr int64_t kPanelStride = 2 * 64;  // of four k of a panel

template <bool is_signed>
DRAWBAR_BYTE_TARGET inline void multiply_four() {
  if (is_signed) {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  } else {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
}

/// Sums of two tiles of rows (one: the second is that again) and a panel, [2 · 16][32], for every
/// part of B. Registers: sums 0 to 3, A 4 and 5, B 6 and 7. `meanwhile(step)` is what vector units
/// do.
template <bool is_signed, class Meanwhile>
DRAWBAR_BYTE_TARGET inline void form_sums(int64_t parts, const TiledRows& rows,
                                          const RowTile* tiles, const RowTile* below,
                                          const std::byte* b, const Meanwhile& meanwhile,
                                          int32_t* sums) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  int64_t done = 0;
  for (int64_t part = 0; part < parts; ++part) {
    for (int64_t run = 0; run < rows.runs; ++run) {
      const auto [first, first_stride] = tiles[run];
      const auto [second, second_stride] = below[run];
      for (int64_t i = 0; i < rows.run_bytes(); i += rows.depth, b += rows.depth * kTilePanel) {
        _tile_loadd(4, first + i, first_stride);
        _tile_loadd(6, b, kPanelStride);
        _tile_loadd(7, b + 64, kPanelStride);
        _tile_loadd(5, second + i, second_stride);
        multiply_four<is_signed>();
        meanwhile(done++);
      }
    }
  }
  _tile_stored(0, sums, kTilePanel * 4);
  _tile_stored(1, sums + 16, kTilePanel * 4);
  _tile_stored(2, sums + kTileRows * kTilePanel, kTilePanel * 4);
  _tile_stored(3, sums + kTileRows * kTilePanel + 16, kTilePanel * 4);
}

constexpr int64_t kPair = 2 * kTileRows;

/// The rows of y of the rows [row, row + rows) of A.
void find_y_rows(const ByteGaps* gaps, int64_t row, int64_t rows, int64_t* y_rows) {
  if (gaps == nullptr) {
    for (int64_t r = 0; r < rows; ++r) y_rows[r] = row + r;
    return;
  }
  for (int64_t r = 0; r < rows;) {
    const int64_t x = (row + r) % gaps->line, count = std::min(rows - r, gaps->line - x);
    const int64_t first = gaps->row_of_y(row + r);
    for (int64_t i = 0; i < count; ++i)
      y_rows[r + i] = first >= 0 && x + i < gaps->kept ? first + i : -1;
    r += count;
  }
}

template <bool is_signed>
DRAWBAR_BYTE_TARGET void multiply(const TiledRows& tiled, const ByteGaps* gaps,
                                  const PackedBytes& b, int64_t row, int64_t rows, int64_t panel,
                                  int64_t panel_end, void* y, int64_t y_ld,
                                  const ByteEpilogue& epilogue) {
  alignas(64) int32_t sums[2][kPair * kTilePanel];
  int64_t y_rows[2][kPair];
  const TileUnit unit(kTileRows, tiled.depth);
  const int64_t steps = tiled.runs * tiled.steps;
  const FinishTile finish = finish_tile(epilogue, b.n);
  TileSums waiting;
  int turn = 0, rows_turn = 0;
  const int64_t parts = steps < 2 ? 1 : steps < 4 ? 2 : 4, share = kPair / parts;
  const auto meanwhile = [&](int64_t step) {
    if (step >= parts) return;
    const int64_t begin = step * share, end = std::min(waiting.rows, begin + share);
    if (begin < end) finish(epilogue, waiting, begin, end, y, y_ld);
  };
  // As many panels side by side as the first-level cache holds, so that lines of y are written
  // whole.
  const int64_t panel_bytes = b.plan.parts * tiled.row_bytes() * kTilePanel;
  const int64_t group = std::max<int64_t>(cache_sizes().l1 / 2 / panel_bytes, 1);
  for (int64_t end = 0; panel < panel_end; panel = end) {
    end = std::min(panel + group, panel_end);
    for (int64_t r = 0; r < rows; r += kPair) {
      const RowTile* tiles = tiled.tile + r / kTileRows * tiled.runs;
      const RowTile* below = r + kTileRows < rows ? tiles + tiled.runs : tiles;
      const int64_t count = std::min(kPair, rows - r);
      rows_turn = 1 - rows_turn;
      find_y_rows(gaps, row + r, count, y_rows[rows_turn]);
      for (int64_t i = panel; i < end; ++i) {
        const int64_t column = i * kTilePanel;
        form_sums<is_signed>(b.plan.parts, tiled, tiles, below, b.data + i * panel_bytes, meanwhile,
                             sums[turn]);
        waiting = {sums[turn], y_rows[rows_turn], column, count,
                   std::min(kTilePanel, b.n - column)};
        turn = 1 - turn;
      }
    }
  }
  if (waiting.rows > 0) finish(epilogue, waiting, 0, waiting.rows, y, y_ld);
}

}  // namespace

void multiply_byte_tiles(const TiledRows& tiled, const ByteRows& a, const PackedBytes& b,
                         int64_t row, int64_t rows, int64_t panel, int64_t panel_end, void* y,
                         int64_t y_ld, const ByteEpilogue& epilogue) {
  const auto run = a.is_signed ? multiply<true> : multiply<false>;
  run(tiled, a.gaps, b, row, rows, panel, panel_end, y, y_ld, epilogue);
}

#else

void multiply_byte_tiles(const TiledRows&, const ByteRows&, const PackedBytes&, int64_t, int64_t,
                         int64_t, int64_t, void*, int64_t, const ByteEpilogue&) {}

#endif

}  // namespace drawbar::cpu

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

constexpr int64_t kPair = 2 * kTileRows;
using PairSums = int32_t[kPair * kTilePanel];

/// Two tiles of rows (one: the second is that again).
struct RowPair {
  const RowTile *first, *second;  // [runs]
};

// Sums of a pair and a panel [2 · 16][32] are in registers 0 to 3, A is in 4 and 5, B in 6 and 7.

DRAWBAR_BYTE_TARGET inline void begin_sums() {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

/// Where the steps of a pair and a panel have come to.
struct Place {
  const std::byte* b;
  int64_t run = 0, step = 0;  // of the run
};

constexpr int64_t kAhead = 8 << 10;  // bytes of B that are fetched before they are wanted

/// Steps of one run. Where B is cold it is prefetched: panels lie one behind the other. A that
/// streams is read past the first-level cache.
template <bool is_signed, bool streams, bool is_cold>
DRAWBAR_BYTE_TARGET __attribute__((always_inline)) inline void add_run(
    RowTile first, RowTile second, const std::byte* b, const std::byte* end, int64_t depth) {
  const int64_t step_bytes = depth * kTilePanel;
  for (; b < end; b += step_bytes) {
    if constexpr (streams) {
      _tile_stream_loadd(4, first.at, first.stride);
      _tile_stream_loadd(5, second.at, second.stride);
    } else {
      _tile_loadd(4, first.at, first.stride);
      _tile_loadd(5, second.at, second.stride);
    }
    _tile_loadd(6, b, kPanelStride);
    _tile_loadd(7, b + 64, kPanelStride);
    multiply_four<is_signed>();
    if constexpr (is_cold) {
      for (int64_t line = kAhead; line < kAhead + step_bytes; line += 64)
        _mm_prefetch(reinterpret_cast<const char*>(b + line), _MM_HINT_T0);
    }
    first.at += depth;
    second.at += depth;
  }
}

/// Adds the products of the next `count` steps. Behind the last run comes the first one again, with
/// B's second part.
template <bool is_signed, bool streams>
DRAWBAR_BYTE_TARGET inline void add_steps(const TiledRows& rows, const RowPair& pair, int64_t count,
                                          bool is_cold, Place& place) {
  while (count > 0) {
    RowTile first = pair.first[place.run], second = pair.second[place.run];
    first.at += place.step * rows.depth;
    second.at += place.step * rows.depth;
    const int64_t now = std::min(count, rows.steps - place.step);
    const std::byte* end = place.b + now * rows.depth * kTilePanel;
    if (is_cold) {
      add_run<is_signed, streams, true>(first, second, place.b, end, rows.depth);
    } else {
      add_run<is_signed, streams, false>(first, second, place.b, end, rows.depth);
    }
    place.b = end;
    count -= now;
    place.step += now;
    if (place.step < rows.steps) return;
    place.step = 0;
    place.run = place.run + 1 < rows.runs ? place.run + 1 : 0;
  }
}

DRAWBAR_BYTE_TARGET inline void end_sums(PairSums& sums) {
  constexpr int64_t kStride = kTilePanel * 4, kBelow = kTileRows * kTilePanel;
  _tile_stored(0, sums, kStride);
  _tile_stored(1, sums + 16, kStride);
  _tile_stored(2, sums + kBelow, kStride);
  _tile_stored(3, sums + kBelow + 16, kStride);
}

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

/// Of a panel.
int64_t bytes_of(const TiledRows& tiled, const PackedBytes& b) {
  return b.plan.parts * tiled.row_bytes() * kTilePanel;
}

/// As many panels side by side as the first-level cache holds, so that lines of y are written
/// whole.
int64_t group_of(int64_t panel_bytes) {
  return std::max<int64_t>(cache_sizes().l1 / 2 / panel_bytes, 1);
}

/// Whether rows of A, of which each byte is read once for a panel, would put that out of the cache.
bool rows_stream(const TiledRows& tiled, int64_t panel_bytes) {
  return tiled.runs == 1 && group_of(panel_bytes) == 1 && panel_bytes <= cache_sizes().l1 * 3 / 4;
}

template <bool is_signed, bool streams>
DRAWBAR_BYTE_TARGET void multiply(const TiledRows& tiled, const ByteGaps* gaps,
                                  const PackedBytes& b, bool is_cold, int64_t row, int64_t rows,
                                  int64_t panel, int64_t panel_end, void* y, int64_t y_ld,
                                  const ByteEpilogue& epilogue) {
  alignas(64) PairSums sums[2];
  int64_t y_rows[kMostBlockRows];
  find_y_rows(gaps, row, rows, y_rows);
  const TileUnit unit(kTileRows, tiled.depth);
  const FinishTile finish = finish_tile(epilogue);
  const int64_t steps = b.plan.parts * tiled.runs * tiled.steps, panel_bytes = bytes_of(tiled, b);
  // Vector units finish the last sums in so many parts while the tile unit multiplies.
  const int64_t parts = std::min<int64_t>(steps, 4), share = divide_up(kPair / 2, parts) * 2;
  TileSums waiting;
  int turn = 0;
  const int64_t group = group_of(panel_bytes);
  for (int64_t end = 0; panel < panel_end; panel = end) {
    end = std::min(panel + group, panel_end);
    for (int64_t r = 0; r < rows; r += kPair) {
      const RowTile* tiles = tiled.tile + r / kTileRows * tiled.runs;
      const RowPair pair{tiles, r + kTileRows < rows ? tiles + tiled.runs : tiles};
      for (int64_t i = panel; i < end; ++i) {
        Place place{b.data + i * panel_bytes};
        begin_sums();
        for (int64_t part = 0; part < parts; ++part) {
          add_steps<is_signed, streams>(tiled, pair, 1, is_cold && r == 0, place);
          const int64_t begin = part * share, until = std::min(waiting.rows, begin + share);
          if (begin < until) finish(epilogue, waiting, begin, until, y, y_ld);
        }
        add_steps<is_signed, streams>(tiled, pair, steps - parts, is_cold && r == 0, place);
        end_sums(sums[turn]);
        const int64_t column = i * kTilePanel;
        waiting = {sums[turn], y_rows + r, column, std::min(kPair, rows - r),
                   std::min(kTilePanel, b.n - column)};
        turn = 1 - turn;
      }
    }
  }
  if (waiting.rows > 0) finish(epilogue, waiting, 0, waiting.rows, y, y_ld);
}

}  // namespace

void multiply_byte_tiles(const TiledRows& tiled, const ByteRows& a, const PackedBytes& b,
                         bool is_cold, int64_t row, int64_t rows, int64_t panel, int64_t panel_end,
                         void* y, int64_t y_ld, const ByteEpilogue& epilogue) {
  const bool streams = rows_stream(tiled, bytes_of(tiled, b));
  const auto run = a.is_signed ? (streams ? multiply<true, true> : multiply<true, false>)
                               : (streams ? multiply<false, true> : multiply<false, false>);
  run(tiled, a.gaps, b, is_cold, row, rows, panel, panel_end, y, y_ld, epilogue);
}

#else

void multiply_byte_tiles(const TiledRows&, const ByteRows&, const PackedBytes&, bool, int64_t,
                         int64_t, int64_t, int64_t, void*, int64_t, const ByteEpilogue&) {}

#endif

}  // namespace drawbar::cpu

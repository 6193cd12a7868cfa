#include "targets/cpu/gemm/byte_row_tiles.h"

#include <algorithm>
#include <functional>

#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/intrinsics.h"

namespace drawbar::cpu {

constexpr int64_t kMostDepth = 64;  // of a tile

TiledRows::TiledRows(int64_t k, int64_t run)
    : runs(k / run),
      steps(divide_up(run, kMostDepth)),
      depth(divide_up(divide_up(run, steps), 4) * 4) {}

int64_t run_for_tiles(int64_t k, int64_t n, int64_t taps) {
  // Measured: a step of the tile unit takes as long as sixteen runs of a row take to be copied.
  constexpr int64_t kCopiesOfStep = 16;
  const TiledRows apart(k, k / taps), joined(k, k);
  const int64_t more = apart.runs * apart.steps - joined.steps, panels = divide_up(n, kTilePanel);
  return more * panels * kCopiesOfStep <= taps * 2 * kTileRows ? k / taps : k;
}

#if defined(__x86_64__)
namespace {

#define DRAWBAR_ROWS_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))

/// Whether so many bytes of each of 16 rows, of which there are `count`, may be read where the
/// first of them lies.
bool may_be_read(const ByteRows& a, const RowTile& tile, int64_t count, int64_t bytes) {
  const int64_t missing = (kTileRows - count) * tile.stride;
  if (bytes == a.k && missing == 0) return true;
  if (tile.stride < 0) return false;
  const std::byte* last = tile.at + (count - 1) * tile.stride;
  const std::less_equal<> before;  // of any two pointers
  return before(a.begin, tile.at) && before(last, a.end) && a.end - last >= missing + bytes;
}

/// Whether the rows of the tile, the first of them at list[0], lie evenly apart.
DRAWBAR_ROWS_TARGET bool lies_evenly(const std::byte* const* list, int64_t count, RowTile& tile) {
  tile = {list[0], count > 1 ? list[1] - list[0] : 0};
  const __m512i stride = _mm512_set1_epi64(tile.stride);
  for (int64_t r = 0; r + 1 < count; r += 8) {
    const auto mask = static_cast<__mmask8>((1U << std::min<int64_t>(8, count - 1 - r)) - 1);
    const __m512i gap = _mm512_sub_epi64(_mm512_maskz_loadu_epi64(mask, list + r + 1),
                                         _mm512_maskz_loadu_epi64(mask, list + r));
    if (_mm512_mask_cmpneq_epi64_mask(mask, gap, stride) != 0) return false;
  }
  return true;
}

/// Copies runs of k bytes, `stride` apart.
DRAWBAR_ROWS_TARGET void copy_runs(const std::byte* const* list, int64_t rows, int64_t k,
                                   int64_t stride, std::byte* out) {
  const int64_t whole = k / 64 * 64;
  const auto mask = (__mmask64{1} << (k - whole)) - 1;
  for (int64_t r = 0; r < rows; ++r, out += stride) {
    const std::byte* from = list[r];
    for (int64_t i = 0; i < whole; i += 64)
      _mm512_storeu_si512(out + i, _mm512_loadu_si512(from + i));
    if (mask != 0)
      _mm512_mask_storeu_epi8(out + whole, mask, _mm512_maskz_loadu_epi8(mask, from + whole));
  }
}

/// The rows of one block of A, and where copies of them go.
class Block {
 public:
  Block(const TiledRows& tiled, const ByteRows& a, const std::byte** list, std::byte* copies)
      : tiled_(tiled), a_(a), list_(list), copies_(copies), apart_(tiled.runs == a.taps) {}

  /// By the pointers of all rows.
  void find(int64_t row, int64_t rows, RowTile* tiles) const {
    a_.fill(row, rows, list_);
    for (int64_t r = 0; r < rows; r += kTileRows) {
      const int64_t count = std::min(kTileRows, rows - r);
      for (int64_t run = 0; run < tiled_.runs; ++run, ++tiles) {
        const std::byte* const* first = list_ + run * rows + r;
        const bool stays = apart_ && lies_evenly(first, count, *tiles) &&
                           may_be_read(a_, *tiles, count, tiled_.run_bytes());
        if (!stays) *tiles = copy(r, count, run, list_ + r, rows);
      }
    }
  }

  /// By lines: pointers are asked for where a tile has rows of two of them.
  void find_in_lines(int64_t row, int64_t rows, RowTile* tiles) const {
    const ByteLines& lines = *a_.lines;
    int64_t at = row % lines.line;
    for (int64_t r = 0; r < rows; r += kTileRows) {
      const int64_t count = std::min(kTileRows, rows - r), offset = lines.offset(row + r);
      const bool in_line = at + count <= lines.line;
      bool filled = false;
      for (int64_t run = 0; run < tiled_.runs; ++run, ++tiles) {
        *tiles = {lines.runs[run] + offset, lines.stride};
        if (apart_ && in_line && may_be_read(a_, *tiles, count, tiled_.run_bytes())) continue;
        if (!filled) a_.fill(row + r, count, list_);
        filled = true;
        *tiles = copy(r, count, run, list_, count);
      }
      at += count;
      if (at >= lines.line) at %= lines.line;
    }
  }

 private:
  /// Copies a run of rows r and on, whose pointers begin at `list`, taps `ld` apart.
  RowTile copy(int64_t r, int64_t count, int64_t run, const std::byte* const* list,
               int64_t ld) const {
    const int64_t taps = a_.taps / tiled_.runs, stride = tiled_.row_bytes();
    std::byte* to = copies_ + r * stride + run * tiled_.run_bytes();
    for (int64_t tap = 0; tap < taps; ++tap)
      copy_runs(list + (run * taps + tap) * ld, count, a_.k, stride, to + tap * a_.k);
    return {to, stride};
  }

  const TiledRows& tiled_;
  const ByteRows& a_;
  const std::byte** list_;
  std::byte* copies_;
  bool apart_;
};

}  // namespace

void find_tiles(const TiledRows& tiled, const ByteRows& a, int64_t row, int64_t rows,
                const std::byte** list, RowTile* tiles, std::byte* copies) {
  const Block block(tiled, a, list, copies);
  if (a.lines != nullptr) return block.find_in_lines(row, rows, tiles);
  block.find(row, rows, tiles);
}

#else

void find_tiles(const TiledRows&, const ByteRows&, int64_t, int64_t, const std::byte**, RowTile*,
                std::byte*) {}

#endif

}  // namespace drawbar::cpu

#include "targets/cpu/gemm/byte_tiles.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/byte_finish.h"
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
DRAWBAR_BYTE_TARGET inline void form_sums(int64_t parts, const TiledRows& a, const RowTile* tiles,
                                          const RowTile* below, const std::byte* b,
                                          const Meanwhile& meanwhile, int32_t* sums) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  int64_t done = 0;
  for (int64_t part = 0; part < parts; ++part) {
    for (int64_t run = 0; run < a.runs; ++run) {
      const auto [first, first_stride] = tiles[run];
      const auto [second, second_stride] = below[run];
      for (int64_t i = 0; i < a.run_bytes(); i += a.depth, b += a.depth * kTilePanel) {
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

/// A tile of y that waits for its epilogue.
struct Waiting {
  const int32_t* sums = nullptr;
  int64_t row = 0, column = 0, rows = 0, columns = 0;
};

/// Whether finish_pairs() can: bytes that nothing is added to, in the range of their type.
bool is_plain(const ByteEpilogue& e) {
  if (e.hook != nullptr || e.residual != nullptr) return false;
  return (e.to == ElementType::i8 && e.low == -128 && e.high == 127) ||
         (e.to == ElementType::u8 && e.low == 0 && e.high == 255);
}

/// Whether no sum can exceed 32 bits when it has been multiplied.
bool is_bounded(const ByteEpilogue& e, int64_t n) {
  constexpr float kMost = 0.5f, kMostAddend = 1 << 30;
  bool bounded = true;
  for (int64_t j = 0; j < n; ++j)
    bounded &= std::abs(e.multiplier[j]) < kMost && std::abs(e.addend[j]) < kMostAddend;
  return bounded;
}

/// finish_bytes() for rows [begin, end), two at a time, so that a vector of bytes is full.
template <bool to_signed, bool bounded>
DRAWBAR_BYTE_TARGET inline void finish_pairs(const ByteEpilogue& e, const Waiting& w, int64_t begin,
                                             int64_t end, std::byte* y, int64_t y_ld) {
  const __m512 multiplier[2] = {_mm512_loadu_ps(e.multiplier + w.column),
                                _mm512_loadu_ps(e.multiplier + w.column + 16)};
  const __m512 addend[2] = {_mm512_loadu_ps(e.addend + w.column),
                            _mm512_loadu_ps(e.addend + w.column + 16)};
  const __m512i offset[2] = {_mm512_loadu_si512(e.offset + w.column),
                             _mm512_loadu_si512(e.offset + w.column + 16)};
  // What is above would wrap; what is below becomes the lowest number as it is.
  const __m512 most = _mm512_set1_ps(32767);
  const __m512i zero = _mm512_set1_epi16(static_cast<int16_t>(e.zero));
  // Fours of columns 0 to 15 and 16 to 31 of both rows alternate after packing.
  const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
  const auto rounded = [&](int64_t row, int64_t j) DRAWBAR_BYTE_TARGET {
    const __m512i sum = _mm512_load_si512(w.sums + row * kTilePanel + 16 * j);
    const __m512 number = _mm512_cvtepi32_ps(_mm512_add_epi32(sum, offset[j]));
    const __m512 v = _mm512_fmadd_ps(number, multiplier[j], addend[j]);
    return _mm512_cvtps_epi32(bounded ? v : _mm512_min_ps(most, v));
  };
  const auto moved = [&](__m512i words) DRAWBAR_BYTE_TARGET {
    return e.zero == 0 ? words : _mm512_adds_epi16(words, zero);
  };
  const auto mask = static_cast<__mmask32>((uint64_t{1} << w.columns) - 1);
  std::byte* to = y + (w.row + begin) * y_ld + w.column;
  for (int64_t row = begin; row < end; row += 2, to += 2 * y_ld) {
    const __m512i first = _mm512_packs_epi32(rounded(row, 0), rounded(row, 1));
    const __m512i second = _mm512_packs_epi32(rounded(row + 1, 0), rounded(row + 1, 1));
    const __m512i a = moved(first), b = moved(second);
    const __m512i packed = to_signed ? _mm512_packs_epi16(a, b) : _mm512_packus_epi16(a, b);
    const __m512i rows = _mm512_permutexvar_epi32(order, packed);
    _mm256_mask_storeu_epi8(to, mask, _mm512_castsi512_si256(rows));
    if (row + 1 == end) return;
    _mm256_mask_storeu_epi8(to + y_ld, mask, _mm512_extracti64x4_epi64(rows, 1));
  }
}

using PlainFinish = void (*)(const ByteEpilogue&, const Waiting&, int64_t, int64_t, std::byte*,
                             int64_t);

/// finish_pairs() where it can.
PlainFinish plain_finish(const ByteEpilogue& e, int64_t n) {
  if (!is_plain(e)) return nullptr;
  if (is_bounded(e, n))
    return e.to == ElementType::i8 ? finish_pairs<true, true> : finish_pairs<false, true>;
  return e.to == ElementType::i8 ? finish_pairs<true, false> : finish_pairs<false, false>;
}

template <bool is_signed>
DRAWBAR_BYTE_TARGET void multiply(const TiledRows& a, const PackedBytes& b, int64_t row,
                                  int64_t rows, int64_t panel, int64_t panel_end, void* y,
                                  int64_t y_ld, const ByteEpilogue& epilogue) {
  constexpr int64_t kPair = 2 * kTileRows;
  alignas(64) int32_t sums[2][kPair * kTilePanel];
  alignas(64) float values[kPair * kTilePanel];
  const TileUnit unit(kTileRows, a.depth);
  const int64_t steps = a.runs * a.steps;
  Waiting waiting;
  int turn = 0;
  const auto plain = plain_finish(epilogue, b.n);
  const auto finish = [&](int64_t begin, int64_t end) DRAWBAR_BYTE_TARGET {
    if (begin == end) return;
    if (plain != nullptr)
      return plain(epilogue, waiting, begin, end, static_cast<std::byte*>(y), y_ld);
    finish_bytes(epilogue, waiting.sums + begin * kTilePanel, values, kTilePanel,
                 waiting.row + begin, waiting.column, end - begin, waiting.columns, y, y_ld, b.isa);
  };
  // A hook sees whole tiles.
  const int64_t parts = epilogue.hook != nullptr || steps < 2 ? 1 : steps < 4 ? 2 : 4;
  const int64_t share = kPair / parts;
  const auto meanwhile = [&](int64_t step) {
    if (step < parts)
      finish(std::min(waiting.rows, step * share), std::min(waiting.rows, (step + 1) * share));
  };
  // As many panels side by side as the first-level cache holds, so that lines of y are written
  // whole.
  const int64_t panel_bytes = b.plan.parts * a.row_bytes() * kTilePanel;
  const int64_t group = std::max<int64_t>(cache_sizes().l1 / 2 / panel_bytes, 1);
  for (int64_t end = 0; panel < panel_end; panel = end) {
    end = std::min(panel + group, panel_end);
    for (int64_t r = 0; r < rows; r += kPair) {
      const RowTile* tiles = a.tile + r / kTileRows * a.runs;
      const RowTile* below = r + kTileRows < rows ? tiles + a.runs : tiles;
      for (int64_t i = panel; i < end; ++i) {
        const int64_t column = i * kTilePanel;
        form_sums<is_signed>(b.plan.parts, a, tiles, below, b.data + i * panel_bytes, meanwhile,
                             sums[turn]);
        waiting = {sums[turn], row + r, column, std::min(kPair, rows - r),
                   std::min(kTilePanel, b.n - column)};
        turn = 1 - turn;
      }
    }
  }
  finish(0, waiting.rows);
}

}  // namespace

/// Whether the tile of `count` rows, the first of them at list[0], can be multiplied where it lies:
/// rows evenly apart, and everything that is read of 16 of them there to be read.
DRAWBAR_BYTE_TARGET bool lies_evenly(const ByteRows& a, const std::byte* const* list, int64_t count,
                                     int64_t depth, RowTile& tile) {
  tile = {list[0], count > 1 ? list[1] - list[0] : 0};
  const __m512i stride = _mm512_set1_epi64(tile.stride);
  for (int64_t r = 0; r + 1 < count; r += 8) {
    const auto mask = static_cast<__mmask8>((1U << std::min<int64_t>(8, count - 1 - r)) - 1);
    const __m512i gap = _mm512_sub_epi64(_mm512_maskz_loadu_epi64(mask, list + r + 1),
                                         _mm512_maskz_loadu_epi64(mask, list + r));
    if (_mm512_mask_cmpneq_epi64_mask(mask, gap, stride) != 0) return false;
  }
  const int64_t beyond = depth - a.k, missing = (kTileRows - count) * tile.stride;
  if (beyond == 0 && missing == 0) return true;
  const std::less_equal<> before;  // of any two pointers
  return tile.stride >= 0 && before(a.begin, list[0]) && before(list[count - 1], a.end) &&
         a.end - list[count - 1] >= missing + depth;
}

/// Copies a run of rows, `depth` bytes apart.
DRAWBAR_BYTE_TARGET void copy_runs(const std::byte* const* list, int64_t rows, int64_t k,
                                   int64_t depth, std::byte* out) {
  const int64_t whole = k / 64 * 64;
  const auto mask = (__mmask64{1} << (k - whole)) - 1;
  for (int64_t r = 0; r < rows; ++r, out += depth) {
    const std::byte* from = list[r];
    for (int64_t i = 0; i < whole; i += 64)
      _mm512_storeu_si512(out + i, _mm512_loadu_si512(from + i));
    if (mask != 0)
      _mm512_mask_storeu_epi8(out + whole, mask, _mm512_maskz_loadu_epi8(mask, from + whole));
  }
}

void find_tiles(const TiledRows& tiled, const ByteRows& a, const std::byte* const* list,
                int64_t rows, RowTile* tiles, std::byte* copies) {
  const int64_t row_bytes = tiled.row_bytes(), run_bytes = tiled.run_bytes();
  const bool apart = tiled.runs == a.taps;
  for (int64_t r = 0; r < rows; r += kTileRows, copies += kTileRows * row_bytes) {
    const int64_t count = std::min(kTileRows, rows - r);
    for (int64_t run = 0; run < tiled.runs; ++run, ++tiles) {
      if (apart && lies_evenly(a, list + run * rows + r, count, run_bytes, *tiles)) continue;
      *tiles = {copies + run * run_bytes, row_bytes};
      const int64_t taps = a.taps / tiled.runs;
      for (int64_t tap = 0; tap < taps; ++tap)
        copy_runs(list + (run * taps + tap) * rows + r, count, a.k, row_bytes,
                  copies + run * run_bytes + tap * a.k);
    }
  }
}

void multiply_byte_tiles(const TiledRows& a, bool is_signed, const PackedBytes& b, int64_t row,
                         int64_t rows, int64_t panel, int64_t panel_end, void* y, int64_t y_ld,
                         const ByteEpilogue& epilogue) {
  const auto run = is_signed ? multiply<true> : multiply<false>;
  run(a, b, row, rows, panel, panel_end, y, y_ld, epilogue);
}

#else

void find_tiles(const TiledRows&, const ByteRows&, const std::byte* const*, int64_t, RowTile*,
                std::byte*) {}
void multiply_byte_tiles(const TiledRows&, bool, const PackedBytes&, int64_t, int64_t, int64_t,
                         int64_t, void*, int64_t, const ByteEpilogue&) {}

#endif

}  // namespace drawbar::cpu

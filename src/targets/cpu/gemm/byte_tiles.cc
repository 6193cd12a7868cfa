#include "targets/cpu/gemm/byte_tiles.h"

#include <algorithm>
#include <cstring>

#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/byte_finish.h"
#include "targets/cpu/gemm/intrinsics.h"

namespace drawbar::cpu {

#if defined(__x86_64__)
namespace {

#define DRAWBAR_BYTE_TARGET \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,amx-tile,amx-int8")))

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
DRAWBAR_BYTE_TARGET inline void form_sums(int64_t parts, int64_t steps, const std::byte* a,
                                          const std::byte* below, const std::byte* b,
                                          const Meanwhile& meanwhile, int32_t* sums) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t i = 0, step = 0; i < parts * steps; ++i, step = step + 1 < steps ? step + 1 : 0) {
    _tile_loadd(4, a + step * kTileBytes, 64);
    _tile_loadd(6, b, kPanelStride);
    _tile_loadd(7, b + 64, kPanelStride);
    _tile_loadd(5, below + step * kTileBytes, 64);
    multiply_four<is_signed>();
    meanwhile(i);
    b += 2 * kTileBytes;
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

template <bool is_signed>
DRAWBAR_BYTE_TARGET void multiply(const std::byte* a, const PackedBytes& b, int64_t row,
                                  int64_t rows, int64_t panel, int64_t panel_end, void* y,
                                  int64_t y_ld, const ByteEpilogue& epilogue) {
  constexpr int64_t kPair = 2 * kTileRows;
  alignas(64) int32_t sums[2][kPair * kTilePanel];
  alignas(64) float values[kPair * kTilePanel];
  const TileUnit unit(kTileRows);
  const int64_t steps = divide_up(b.k, kByteDepth), tile_bytes = steps * kTileBytes;
  Waiting waiting;
  int turn = 0;
  const auto finish = [&](int64_t begin, int64_t end) {
    if (begin == end) return;
    finish_bytes(epilogue, waiting.sums + begin * kTilePanel, values, kTilePanel,
                 waiting.row + begin, waiting.column, end - begin, waiting.columns, y, y_ld, b.isa);
  };
  for (; panel < panel_end; ++panel) {
    const int64_t column = panel * kTilePanel;
    const std::byte* from = b.data + panel * b.parts * steps * 2 * kTileBytes;
    for (int64_t r = 0; r < rows; r += kPair) {
      const std::byte* tile = a + r / kTileRows * tile_bytes;
      const std::byte* below = r + kTileRows < rows ? tile + tile_bytes : tile;
      // A hook sees whole tiles.
      const int64_t parts = epilogue.hook != nullptr ? 1 : std::min<int64_t>(steps, 4);
      const auto meanwhile = [&](int64_t step) {
        if (step < parts) finish(waiting.rows * step / parts, waiting.rows * (step + 1) / parts);
      };
      form_sums<is_signed>(b.parts, steps, tile, below, from, meanwhile, sums[turn]);
      waiting = {sums[turn], row + r, column, std::min(kPair, rows - r),
                 std::min(kTilePanel, b.n - column)};
      turn = 1 - turn;
    }
  }
  finish(0, waiting.rows);
}

}  // namespace

DRAWBAR_BYTE_TARGET void tile_rows(const std::byte* const* list, int64_t rows, int64_t taps,
                                   int64_t k, std::byte* out) {
  const int64_t steps = divide_up(taps * k, kByteDepth), tail = taps * k % kByteDepth;
  for (int64_t r = 0; r < rows; ++r) {
    std::byte* to = out + r / kTileRows * steps * kTileBytes + r % kTileRows * 64;
    if (k % kByteDepth == 0) {
      for (int64_t t = 0; t < taps; ++t) {
        const std::byte* from = list[t * rows + r];
        for (int64_t i = 0; i < k; i += kByteDepth, to += kTileBytes)
          _mm512_store_si512(to, _mm512_loadu_si512(from + i));
      }
      continue;
    }
    if (tail != 0) _mm512_store_si512(to + (steps - 1) * kTileBytes, _mm512_setzero_si512());
    int64_t at = 0;
    for (int64_t t = 0; t < taps; ++t) {
      const std::byte* from = list[t * rows + r];
      for (int64_t i = 0, count = 0; i < k; i += count, at += count) {
        count = std::min(k - i, kByteDepth - at % kByteDepth);
        std::byte* place = to + at / kByteDepth * kTileBytes + at % kByteDepth;
        const auto mask = count == 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
        _mm512_mask_storeu_epi8(place, mask, _mm512_maskz_loadu_epi8(mask, from + i));
      }
    }
  }
}

void multiply_byte_tiles(const std::byte* a, bool is_signed, const PackedBytes& b, int64_t row,
                         int64_t rows, int64_t panel, int64_t panel_end, void* y, int64_t y_ld,
                         const ByteEpilogue& epilogue) {
  const auto run = is_signed ? multiply<true> : multiply<false>;
  run(a, b, row, rows, panel, panel_end, y, y_ld, epilogue);
}

#else

void tile_rows(const std::byte* const*, int64_t, int64_t, int64_t, std::byte*) {}
void multiply_byte_tiles(const std::byte*, bool, const PackedBytes&, int64_t, int64_t, int64_t,
                         int64_t, void*, int64_t, const ByteEpilogue&) {}

#endif

}  // namespace drawbar::cpu

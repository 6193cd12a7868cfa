#include "targets/cpu/gemm/slices.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "targets/cpu/gemm/intrinsics.h"

namespace drawbar::cpu {
namespace {

constexpr float kUnit = 65536;  // integers to what a highest slice counts
constexpr int64_t kPrefetchTiles =
    3;                            // of rows; where fewer use a panel, hardware fetches it sooner
constexpr float kLeast = 1e-30f;  // of a largest number
constexpr int kShifts[kSlices] = {16, 0, 8};  // in the order of their use: high, low, middle

/// What numbers are multiplied with to become integers, and these as units to become numbers again.
struct Scales {
  explicit Scales(float largest) {
    if (!std::isfinite(largest)) {
      up = 0;
      down = std::numeric_limits<float>::quiet_NaN();
    } else if (largest >= kLeast) {
      up = 127 * kUnit / largest;
      down = largest / 127;
    }
  }
  float up = 0, down = 0;
};

}  // namespace

void slice_columns(const float* b, int64_t ldb, int64_t k, int64_t n, std::byte* out) {
  const int64_t panels = (n + kTilePanel - 1) / kTilePanel, steps = slice_steps(k);
  auto* scales = reinterpret_cast<float*>(out + panels * sliced_panel_bytes(k));
  for (int64_t column = 0; column < panels * kTilePanel; column += kTileRows) {
    const int64_t columns = std::clamp<int64_t>(n - column, 0, 16);
    float largest[16] = {}, up[16] = {};
    for (int64_t i = 0; i < k; ++i) {
      for (int64_t j = 0; j < columns; ++j) {
        const float value = std::fabs(b[i * ldb + column + j]);
        if (!(value <= largest[j]))
          largest[j] = std::isnan(value) ? std::numeric_limits<float>::infinity() : value;
      }
    }
    for (int64_t j = 0; j < 16; ++j) {
      const Scales s(largest[j]);
      up[j] = s.up;
      scales[column + j] = s.down;
    }
    std::byte* tile =
        out + column / kTilePanel * sliced_panel_bytes(k) + column % kTilePanel / 16 * kTileBytes;
    for (int64_t step = 0; step < steps; ++step, tile += kSlices * 2 * kTileBytes) {
      for (int64_t r = 0; r < kTileRows; ++r) {
        for (int64_t q = 0; q < 4; ++q) {
          const int64_t i = step * kSliceDepth + r % 4 * 16 + r / 4 * 4 + q;
          for (int64_t j = 0; j < 16; ++j) {
            const float value =
                i < k && j < columns && up[j] != 0 ? b[i * ldb + column + j] * up[j] : 0.0f;
            auto number = static_cast<int32_t>(value + std::copysign(0.5f, value));
            number = (number + 0x8080) ^ 0x8080;
            for (int64_t slice = 0; slice < kSlices; ++slice) {
              tile[slice * 2 * kTileBytes + r * 64 + j * 4 + q] =
                  static_cast<std::byte>(number >> kShifts[slice]);
            }
          }
        }
      }
    }
  }
}

#if defined(__x86_64__)

#define DRAWBAR_SLICE_TARGET \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma,amx-tile,amx-int8")))

DRAWBAR_SLICE_TARGET float slice_row(const float* row, int64_t k, int64_t i, std::byte* out) {
  const int64_t steps = slice_steps(k);
  // As integers, so that a NaN is largest.
  __m512i largest = _mm512_setzero_si512();
  const __m512i magnitude = _mm512_set1_epi32(0x7FFFFFFF);
  for (int64_t at = 0; at < steps * kSliceDepth; at += 16)
    largest = _mm512_max_epu32(largest, _mm512_and_si512(_mm512_load_si512(row + at), magnitude));
  const Scales s(_mm512_cvtss_f32(
      _mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(_mm512_reduce_max_epu32(largest))))));
  const __m512 up = _mm512_set1_ps(s.up);
  const __m512i carry = _mm512_set1_epi32(0x8080);
  // In each lane of four numbers: their lowest bytes, the next ones, the highest ones.
  const __m512i bytes =
      _mm512_broadcast_i32x4(_mm_set_epi8(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0));
  const auto sliced = [&](const float* from) DRAWBAR_SLICE_TARGET {
    __m512i number = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_load_ps(from), up));
    number = _mm512_xor_si512(_mm512_add_epi32(number, carry), carry);
    return _mm512_shuffle_epi8(number, bytes);
  };
  out += i / kTileRows * steps * kSlices * kTileBytes + i % kTileRows * 64;
  for (int64_t step = 0; step < steps; ++step, row += kSliceDepth, out += kSlices * kTileBytes) {
    const __m512i v0 = sliced(row), v1 = sliced(row + 16);
    const __m512i v2 = sliced(row + 32), v3 = sliced(row + 48);
    const __m512i low01 = _mm512_unpacklo_epi32(v0, v1), low23 = _mm512_unpacklo_epi32(v2, v3);
    const __m512i high01 = _mm512_unpackhi_epi32(v0, v1), high23 = _mm512_unpackhi_epi32(v2, v3);
    _mm512_store_si512(out, _mm512_unpacklo_epi64(high01, high23));
    _mm512_store_si512(out + kTileBytes, _mm512_unpacklo_epi64(low01, low23));
    _mm512_store_si512(out + 2 * kTileBytes, _mm512_unpackhi_epi64(low01, low23));
  }
  return s.down;
}

namespace {

/// The sums of 16 rows and a panel: [weight][2] tiles, the largest weight first.
using Sums = int32_t[kSlices][2][16 * 16];

/// What is being finished while the tile unit forms the next sums.
struct Finishing {
  const Sums* sums = nullptr;
  const float* row_scales = nullptr;
  const float* column_scales = nullptr;
  float* c = nullptr;
  int64_t ldc = 0, rows = 0, columns = 0;
};

/// Rows [begin, end) of C.
DRAWBAR_SLICE_TARGET inline void finish(const Finishing& f, int64_t begin, int64_t end) {
  const __m512 step = _mm512_set1_ps(1.0f / 256);
  for (int64_t j = 0; j < 2 && 16 * j < f.columns; ++j) {
    const int64_t left = f.columns - 16 * j;
    const auto mask = static_cast<__mmask16>(left >= 16 ? 0xFFFF : (1 << left) - 1);
    const __m512 scales = _mm512_load_ps(f.column_scales + 16 * j);
    for (int64_t r = begin; r < end; ++r) {
      const auto sum = [&](int64_t weight) DRAWBAR_SLICE_TARGET {
        return _mm512_cvtepi32_ps(_mm512_load_si512((*f.sums)[weight][j] + 16 * r));
      };
      const __m512 x = _mm512_fmadd_ps(_mm512_fmadd_ps(sum(2), step, sum(1)), step, sum(0));
      const __m512 scale = _mm512_mul_ps(_mm512_set1_ps(f.row_scales[r]), scales);
      _mm512_mask_storeu_ps(f.c + r * f.ldc + 16 * j, mask, _mm512_mul_ps(x, scale));
    }
  }
}

/// The sums of `steps` · 64 k. Registers: sums 0 to 5, A 6, B 7.
DRAWBAR_SLICE_TARGET inline void form_sums(int64_t steps, const std::byte* a, const std::byte* b,
                                           const Finishing& f, const std::byte*& prefetch,
                                           int64_t lines, Sums& sums) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  for (int64_t step = 0; step < steps; ++step) {
    const std::byte *b_high = b, *b_low = b + 2 * kTileBytes, *b_mid = b + 4 * kTileBytes;
    for (int64_t line = 0; line < lines; ++line, prefetch += 64) __builtin_prefetch(prefetch, 0, 2);
    _tile_loadd(6, a, 64);
    _tile_loadd(7, b_high, 64);
    _tile_dpbssd(0, 6, 7);
    _tile_loadd(7, b_high + kTileBytes, 64);
    _tile_dpbssd(1, 6, 7);
    _tile_loadd(7, b_low, 64);
    _tile_dpbssd(4, 6, 7);
    _tile_loadd(7, b_low + kTileBytes, 64);
    _tile_dpbssd(5, 6, 7);
    _tile_loadd(7, b_mid, 64);
    _tile_dpbssd(2, 6, 7);
    _tile_loadd(7, b_mid + kTileBytes, 64);
    _tile_dpbssd(3, 6, 7);
    finish(f, f.rows * step / steps, f.rows * (step + 1) / steps);
    _tile_loadd(6, a + kTileBytes, 64);
    _tile_loadd(7, b_high, 64);
    _tile_dpbssd(4, 6, 7);
    _tile_loadd(7, b_high + kTileBytes, 64);
    _tile_dpbssd(5, 6, 7);
    _tile_loadd(6, a + 2 * kTileBytes, 64);
    _tile_loadd(7, b_high, 64);
    _tile_dpbssd(2, 6, 7);
    _tile_loadd(7, b_high + kTileBytes, 64);
    _tile_dpbssd(3, 6, 7);
    _tile_loadd(7, b_mid, 64);
    _tile_dpbssd(4, 6, 7);
    _tile_loadd(7, b_mid + kTileBytes, 64);
    _tile_dpbssd(5, 6, 7);
    a += kSlices * kTileBytes;
    b += kSlices * 2 * kTileBytes;
  }
  _tile_stored(0, sums[0][0], 64);
  _tile_stored(1, sums[0][1], 64);
  _tile_stored(2, sums[1][0], 64);
  _tile_stored(3, sums[1][1], 64);
  _tile_stored(4, sums[2][0], 64);
  _tile_stored(5, sums[2][1], 64);
}

}  // namespace

void multiply_slices(const SlicedProduct& p) {
  const TileUnit unit(kTileRows);
  alignas(64) Sums sums[2];
  const int64_t steps = slice_steps(p.k), panel_bytes = sliced_panel_bytes(p.k);
  const int64_t panels = (p.n + kTilePanel - 1) / kTilePanel;
  const int64_t tiles = (p.m + kTileRows - 1) / kTileRows;
  const int64_t lines = (panel_bytes / 64 + tiles * steps - 1) / (tiles * steps);
  const auto* column_scales = reinterpret_cast<const float*>(p.b + panels * panel_bytes);
  Finishing finishing;
  int turn = 0;
  for (int64_t panel = 0; panel < panels; ++panel) {
    const std::byte* b = p.b + panel * panel_bytes;
    const std::byte* next = panel + 1 < panels ? b + panel_bytes : p.next_b;
    const std::byte* prefetch = next != nullptr ? next : b;
    for (int64_t tile = 0; tile < tiles; ++tile) {
      form_sums(steps, p.a + tile * steps * kSlices * kTileBytes, b, finishing, prefetch,
                next != nullptr && tiles >= kPrefetchTiles ? lines : 0, sums[turn]);
      const int64_t row = tile * kTileRows, column = panel * kTilePanel;
      finishing = {&sums[turn],
                   p.a_scales + row,
                   column_scales + column,
                   p.c + row * p.ldc + column,
                   p.ldc,
                   std::min(kTileRows, p.m - row),
                   std::min(kTilePanel, p.n - column)};
      turn = 1 - turn;
    }
  }
  finish(finishing, 0, finishing.rows);
}

#else

float slice_row(const float*, int64_t, int64_t, std::byte*) { return 0; }
void multiply_slices(const SlicedProduct&) {}

#endif

}  // namespace drawbar::cpu

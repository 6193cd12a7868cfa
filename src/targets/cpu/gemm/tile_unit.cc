#include "targets/cpu/gemm/tile_unit.h"

#include <cstring>

#include "targets/cpu/gemm/intrinsics.h"

#if defined(__x86_64__)

#define DRAWBAR_TILE_TARGET \
  __attribute__((target("avx512f,avx512bw,avx512vl,amx-tile,amx-bf16,amx-int8")))

namespace drawbar::cpu {
namespace {

/// Three parts of a number in the upper halves of 32 bits each, the lower ones to be cut off.
struct Parts {
  __m512i hi, mid, lo;
};

DRAWBAR_TILE_TARGET inline Parts split(__m512 x) {
  const __m512i half = _mm512_set1_epi32(0x8000), mask = _mm512_set1_epi32(-0x10000);
  Parts p;
  p.hi = _mm512_add_epi32(_mm512_castps_si512(x), half);
  x = _mm512_sub_ps(x, _mm512_castsi512_ps(_mm512_and_si512(p.hi, mask)));
  p.mid = _mm512_add_epi32(_mm512_castps_si512(x), half);
  x = _mm512_sub_ps(x, _mm512_castsi512_ps(_mm512_and_si512(p.mid, mask)));
  p.lo = _mm512_castps_si512(x);
  return p;
}

/// The upper halves of `first`'s lanes in the lower halves, those of `second` in the upper ones.
DRAWBAR_TILE_TARGET inline __m512i interleave(__m512i first, __m512i second) {
  const __m512i mask = _mm512_set1_epi32(-0x10000);
  return _mm512_ternarylogic_epi32(mask, second, _mm512_maskz_srli_epi32(0xFFFF, first, 16), 0xCA);
}

/// The upper halves of `first`, then those of `second`.
DRAWBAR_TILE_TARGET inline __m512i join(__m512i first, __m512i second) {
  alignas(64) static constexpr uint16_t kOdd[32] = {1,  3,  5,  7,  9,  11, 13, 15, 17, 19, 21,
                                                    23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 43,
                                                    45, 47, 49, 51, 53, 55, 57, 59, 61, 63};
  return _mm512_permutex2var_epi16(first, _mm512_load_si512(kOdd), second);
}

struct __attribute__((packed)) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t column_bytes[16] = {};
  uint8_t rows[16] = {};
};

// Registers: sums 0 to 3 (row by row), A 4 and 5, B 6 and 7.
template <int tiles>
DRAWBAR_TILE_TARGET inline void load_a(const std::byte* a, int part) {
  _tile_loadd(4, a + 2 * part * kTileBytes, 64);
  if (tiles == 2) _tile_loadd(5, a + (2 * part + 1) * kTileBytes, 64);
}
DRAWBAR_TILE_TARGET inline void load_b(const std::byte* b, int part) {
  _tile_loadd(6, b + 2 * part * kTileBytes, 64);
  _tile_loadd(7, b + (2 * part + 1) * kTileBytes, 64);
}
template <int tiles>
DRAWBAR_TILE_TARGET inline void multiply() {
  _tile_dpbf16ps(0, 4, 6);
  _tile_dpbf16ps(1, 4, 7);
  if (tiles == 2) _tile_dpbf16ps(2, 5, 6);
  if (tiles == 2) _tile_dpbf16ps(3, 5, 7);
}

template <int parts, int tiles>
DRAWBAR_TILE_TARGET void multiply_tiles(int64_t rows, int64_t k, const std::byte* a,
                                        const std::byte* b, FunctionRef<void(int64_t)> meanwhile,
                                        float* sums) {
  enum { hi, mid, lo };
  _tile_zero(0);
  _tile_zero(1);
  if (tiles == 2) _tile_zero(2);
  if (tiles == 2) _tile_zero(3);
  const int64_t steps = (k + kTileDepth - 1) / kTileDepth;
  for (int64_t step = 0; step < steps; ++step) {
    load_a<tiles>(a, hi);
    if constexpr (parts == 3) {
      load_b(b, lo);
      multiply<tiles>();
    }
    if constexpr (parts >= 2) {
      load_b(b, mid);
      multiply<tiles>();
    }
    if constexpr (parts == 3) {
      load_a<tiles>(a, mid);
      multiply<tiles>();
      load_b(b, hi);
      multiply<tiles>();
      meanwhile(step);
      load_a<tiles>(a, lo);
      multiply<tiles>();
      load_a<tiles>(a, hi);
      multiply<tiles>();
    } else {
      load_b(b, hi);
      multiply<tiles>();
      meanwhile(step);
      load_a<tiles>(a, mid);
      multiply<tiles>();
    }
    a += step_bytes(parts);
    b += step_bytes(parts);
  }
  _tile_stored(0, sums, kTilePanel * 4);
  _tile_stored(1, sums + 16, kTilePanel * 4);
  if (tiles == 2) _tile_stored(2, sums + rows * kTilePanel, kTilePanel * 4);
  if (tiles == 2) _tile_stored(3, sums + rows * kTilePanel + 16, kTilePanel * 4);
}

}  // namespace

DRAWBAR_TILE_TARGET void split_rows(const float* const* rows, int64_t count, int64_t height,
                                    int64_t k, int64_t parts, std::byte* out) {
  const auto lanes = [](int64_t left) {
    return static_cast<__mmask16>(left >= 16 ? 0xFFFF : left <= 0 ? 0 : (1 << left) - 1);
  };
  const __mmask16 first = lanes(k), second = lanes(k - 16);
  for (int64_t row = 0; row < count; ++row) {
    std::byte* to = out + (row < height ? row * 64 : kTileBytes + (row - height) * 64);
    const Parts p = split(_mm512_maskz_loadu_ps(first, rows[row]));
    const Parts q = split(_mm512_maskz_loadu_ps(second, rows[row] + 16));
    _mm512_store_si512(to, join(p.hi, q.hi));
    _mm512_store_si512(to + 2 * kTileBytes, join(p.mid, q.mid));
    if (parts == 3) _mm512_store_si512(to + 4 * kTileBytes, join(p.lo, q.lo));
  }
}

namespace {

/// Sixteen halves in the lower halves of 32 bits.
DRAWBAR_TILE_TARGET inline __m512i load_halves(const uint16_t* from) {
  return _mm512_maskz_cvtepu16_epi32(0xFFFF,
                                     _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

/// Sixteen numbers of f16 or f32.
DRAWBAR_TILE_TARGET inline __m512 load_floats(const float* from) { return _mm512_loadu_ps(from); }
DRAWBAR_TILE_TARGET inline __m512 load_floats(const uint16_t* from) {
  return _mm512_maskz_cvtph_ps(0xFFFF, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

DRAWBAR_TILE_TARGET void split_bf16(const uint16_t* from, int64_t k, int64_t begin, int64_t end,
                                    std::byte* out) {
  constexpr int64_t kPairs = kTileDepth / 2;
  for (int64_t pair = begin; pair < end; ++pair) {
    const uint16_t* at = from + 2 * pair * kTilePanel;
    std::byte* to = out + pair / kPairs * step_bytes(1) + pair % kPairs * 64;
    for (int64_t tile = 0; tile < 2; ++tile, at += 16, to += kTileBytes) {
      __m512i both = _mm512_setzero_si512();
      if (2 * pair < k) both = load_halves(at);
      if (2 * pair + 1 < k) {
        const __m512i second = load_halves(at + kTilePanel);
        both = _mm512_or_si512(both, _mm512_maskz_slli_epi32(0xFFFF, second, 16));
      }
      _mm512_store_si512(to, both);
    }
  }
}

template <int parts, class T>
DRAWBAR_TILE_TARGET void split_floats(const T* from, int64_t k, int64_t begin, int64_t end,
                                      std::byte* out) {
  constexpr int64_t kPairs = kTileDepth / 2;
  for (int64_t pair = begin; pair < end; ++pair) {
    const T* at = from + 2 * pair * kTilePanel;
    std::byte* to = out + pair / kPairs * step_bytes(parts) + pair % kPairs * 64;
    for (int64_t tile = 0; tile < 2; ++tile, at += 16, to += kTileBytes) {
      const Parts p = split(2 * pair < k ? load_floats(at) : _mm512_setzero_ps());
      const Parts q = split(2 * pair + 1 < k ? load_floats(at + kTilePanel) : _mm512_setzero_ps());
      _mm512_store_si512(to, interleave(p.hi, q.hi));
      _mm512_store_si512(to + 2 * kTileBytes, interleave(p.mid, q.mid));
      if constexpr (parts == 3) _mm512_store_si512(to + 4 * kTileBytes, interleave(p.lo, q.lo));
    }
  }
}

}  // namespace

void split_panel(ElementType b, const std::byte* from, int64_t k, int64_t begin, int64_t end,
                 int64_t parts, std::byte* out) {
  const auto* halves = reinterpret_cast<const uint16_t*>(from);
  const auto* floats = reinterpret_cast<const float*>(from);
  if (b == ElementType::bf16) return split_bf16(halves, k, begin, end, out);
  if (b == ElementType::f16) return split_floats<2>(halves, k, begin, end, out);
  if (parts == 2) return split_floats<2>(floats, k, begin, end, out);
  split_floats<3>(floats, k, begin, end, out);
}

DRAWBAR_TILE_TARGET void configure(int64_t rows, int64_t depth) {
  TileConfig config;
  for (int i = 0; i < 8; ++i) {
    const bool is_a = i == 4 || i == 5, is_b = i >= 6;
    config.column_bytes[i] = static_cast<uint16_t>(is_a ? depth : 64);
    config.rows[i] = static_cast<uint8_t>(is_b ? depth / 4 : rows);
  }
  asm volatile("" : : "r"(&config) : "memory");  // g++'s intrinsic reads eight bytes only
  _tile_loadconfig(&config);
}
DRAWBAR_TILE_TARGET void release() { _tile_release(); }
TileUnit::TileUnit(int64_t rows, int64_t depth) { configure(rows, depth); }
TileUnit::~TileUnit() { release(); }

void multiply_tiles(int64_t parts, int64_t tiles, int64_t rows, int64_t k, const std::byte* a,
                    const std::byte* b, FunctionRef<void(int64_t)> meanwhile, float* sums) {
  const auto multiply = parts == 1   ? (tiles == 2 ? multiply_tiles<1, 2> : multiply_tiles<1, 1>)
                        : parts == 2 ? (tiles == 2 ? multiply_tiles<2, 2> : multiply_tiles<2, 1>)
                                     : (tiles == 2 ? multiply_tiles<3, 2> : multiply_tiles<3, 1>);
  multiply(rows, k, a, b, meanwhile, sums);
}

DRAWBAR_TILE_TARGET double multiply_tile_chains(int rounds) {
  alignas(64) uint8_t numbers[4][kTileBytes];
  uint32_t state = 1;
  for (auto& tile : numbers) {
    for (uint8_t& number : tile) {
      state = state * 1664525 + 1013904223;
      number = static_cast<uint8_t>(state >> 24);
    }
  }
  const TileUnit unit(kTileRows);
  _tile_loadd(4, numbers[0], 64);
  _tile_loadd(5, numbers[1], 64);
  _tile_loadd(6, numbers[2], 64);
  _tile_loadd(7, numbers[3], 64);
  for (int i = 0; i < rounds; ++i) {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
  constexpr double kProducts = 6;  // of int8 for one of f32
  return rounds * 4.0 / kProducts * 2 * 16 * 16 * 64;
}

}  // namespace drawbar::cpu
#endif

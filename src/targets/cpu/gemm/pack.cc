#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/gemm.h"
#include "targets/cpu/gemm/tile_unit.h"
#include "targets/cpu/half.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace drawbar::cpu {
namespace {

/// out[k][width] = b[n][k] for `columns` ≤ width columns that are contiguous along k.
void transpose_panel(const float* b, int64_t n_stride, int64_t k, int64_t columns, int64_t width,
                     float* out) {
  int64_t j = 0;
#if defined(__SSE__)
  for (; j + 4 <= columns; j += 4) {
    const float* from = b + j * n_stride;
    int64_t i = 0;
    for (; i + 4 <= k; i += 4) {
      __m128 r0 = _mm_loadu_ps(from + i);
      __m128 r1 = _mm_loadu_ps(from + n_stride + i);
      __m128 r2 = _mm_loadu_ps(from + 2 * n_stride + i);
      __m128 r3 = _mm_loadu_ps(from + 3 * n_stride + i);
      _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
      _mm_storeu_ps(out + i * width + j, r0);
      _mm_storeu_ps(out + (i + 1) * width + j, r1);
      _mm_storeu_ps(out + (i + 2) * width + j, r2);
      _mm_storeu_ps(out + (i + 3) * width + j, r3);
    }
    for (; i < k; ++i) {
      for (int64_t t = 0; t < 4; ++t) out[i * width + j + t] = from[t * n_stride + i];
    }
  }
#endif
  for (; j < columns; ++j) {
    for (int64_t i = 0; i < k; ++i) out[i * width + j] = b[j * n_stride + i];
  }
}

void pack_panel(const float* b, int64_t k_stride, int64_t n_stride, int64_t k, int64_t columns,
                int64_t width, float* out) {
  if (n_stride == 1) {
    if (columns == width) {
      for (int64_t i = 0; i < k; ++i) {
        std::memcpy(out + i * width, b + i * k_stride, static_cast<size_t>(width) * 4);
      }
      return;
    }
    for (int64_t i = 0; i < k; ++i) {
      std::memcpy(out + i * width, b + i * k_stride, static_cast<size_t>(columns) * 4);
    }
  } else if (k_stride == 1) {
    transpose_panel(b, n_stride, k, columns, width, out);
  } else {
    for (int64_t i = 0; i < k; ++i) {
      for (int64_t j = 0; j < columns; ++j) out[i * width + j] = b[i * k_stride + j * n_stride];
    }
  }
  for (int64_t i = 0; i < k && columns < width; ++i) {
    std::fill(out + i * width + columns, out + (i + 1) * width, 0.0f);
  }
}

/// The parts of a number (tile_unit.h) in the upper halves. Where rounding would make an infinity
/// of it they are cut off instead; an infinity or a NaN has a first one alone.
struct TwoParts {
  uint32_t first, second;
};
TwoParts two_parts(float x) {
  constexpr uint32_t kUpper = 0xFFFF0000, kLeastRoundedUp = 0x7F7F8000, kInfinity = 0x7F800000;
  const auto number = std::bit_cast<uint32_t>(x), size = number & 0x7FFFFFFF;
  const uint32_t half = size < kLeastRoundedUp ? 0x8000 : 0;
  const uint32_t first = (number + half) & kUpper;
  const auto left = std::bit_cast<uint32_t>(x - std::bit_cast<float>(first));
  return {first | (size > kInfinity ? 0x00400000U : 0U),
          size < kInfinity ? (left + half) & kUpper : 0U};
}

constexpr int64_t kParts = 2;

/// A panel [k][32] as tiles.
void cut_panel(const float* panel, int64_t k, std::byte* out) {
  constexpr int64_t kPairs = kTileDepth / 2;
  for (int64_t pair = 0; pair < divide_up(k, kTileDepth) * kPairs; ++pair) {
    std::byte* to = out + pair / kPairs * step_bytes(kParts) + pair % kPairs * 64;
    for (int64_t tile = 0; tile < 2; ++tile, to += kTileBytes) {
      uint32_t first[16], second[16];
      for (int64_t i = 0; i < 16; ++i) {
        const float* at = panel + 2 * pair * kTilePanel + tile * 16 + i;
        const TwoParts even = two_parts(2 * pair < k ? at[0] : 0.0f);
        const TwoParts odd = two_parts(2 * pair + 1 < k ? at[kTilePanel] : 0.0f);
        first[i] = even.first >> 16 | odd.first;
        second[i] = even.second >> 16 | odd.second;
      }
      std::memcpy(to, first, sizeof(first));
      std::memcpy(to + 2 * kTileBytes, second, sizeof(second));
    }
  }
}

}  // namespace

int64_t packed_bytes(int64_t k, int64_t n, Isa isa, ElementType element, bool tiles) {
  const int64_t width = panel_width(isa);
  return divide_up(n, width) * (tiles ? split_bytes(k, kParts) : width * k * (bits(element) / 8));
}

void pack_rows(const float* b, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n,
               int64_t k_offset, int64_t k_total, Isa isa, float* packed, ThreadPool* pool,
               bool tiles) {
  const int64_t width = panel_width(isa);
  const auto pack_range = [&](int64_t begin, int64_t end, int) {
    std::vector<float> own(static_cast<size_t>(tiles ? k * width : 0));
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t column = panel * width;
      float* to = tiles ? own.data() : packed + (panel * k_total + k_offset) * width;
      pack_panel(b + column * n_stride, k_stride, n_stride, k, std::min(width, n - column), width,
                 to);
      if (!tiles) continue;
      const int64_t at = split_bytes(k_total, kParts) * panel + split_bytes(k_offset, kParts);
      cut_panel(to, k, reinterpret_cast<std::byte*>(packed) + at);
    }
  };
  const int64_t panels = divide_up(n, width);
  if (pool == nullptr) {
    pack_range(0, panels, 0);
  } else {
    pool->parallel_for(panels, divide_up(8192, std::max<int64_t>(k * width, 1)), pack_range);
  }
}

PackedMatrix pack(const float* b, int64_t ld, bool transposed, int64_t k, int64_t n, Isa isa,
                  float* packed, ThreadPool* pool, bool tiles) {
  pack_rows(b, transposed ? 1 : ld, transposed ? ld : 1, k, n, 0, k, isa, packed, pool, tiles);
  PackedMatrix result{packed, k, n, isa};
  result.tiles = tiles;
  return result;
}

PackedMatrix pack_halves(ElementType half, const uint16_t* b, int64_t ld, bool transposed,
                         int64_t k, int64_t n, Isa isa, void* packed) {
  const int64_t width = panel_width(isa);
  std::vector<float> wide(static_cast<size_t>(k * width)), panel(wide.size());
  auto* to = static_cast<uint16_t*>(packed);
  for (int64_t column = 0; column < n; column += width, to += k * width) {
    const int64_t columns = std::min(width, n - column);
    const int64_t lines = transposed ? columns : k, length = transposed ? k : columns;
    const uint16_t* from = b + column * (transposed ? ld : 1);
    for (int64_t i = 0; i < lines; ++i) {
      widen(half, from + i * ld, wide.data() + i * length, length);
    }
    pack_panel(wide.data(), transposed ? 1 : columns, transposed ? k : 1, k, columns, width,
               panel.data());
    narrow(half, panel.data(), to, k * width);
  }
  PackedMatrix result{packed, k, n, isa};
  result.element = half;
  return result;
}

}  // namespace drawbar::cpu

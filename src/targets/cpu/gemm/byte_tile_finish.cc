#include "targets/cpu/gemm/byte_tile_finish.h"

#include <cmath>

#include "targets/cpu/gemm/byte_finish.h"
#include "targets/cpu/gemm/intrinsics.h"

namespace drawbar::cpu {
namespace {

/// Any epilogue: rows that y has one behind the other at a time.
void finish_any(const ByteEpilogue& e, const TileSums& s, int64_t begin, int64_t end, void* y,
                int64_t y_ld) {
  for (int64_t row = begin, next = 0; row < end; row = next) {
    next = row + 1;
    if (s.y_rows[row] < 0) continue;
    while (next < end && s.y_rows[next] == s.y_rows[row] + next - row) ++next;
    finish_bytes(e, s.sums + row * kTilePanel, kTilePanel, s.y_rows[row], s.column, next - row,
                 s.columns, y, y_ld, Isa::amx);
  }
}

#if defined(__x86_64__)
#define DRAWBAR_FINISH_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma")))

/// Whether no number can exceed 32 bits before it is rounded.
bool is_bounded(const ByteEpilogue& e, int64_t n) {
  constexpr float kMost = 0.5f, kMostAddend = 1 << 30, kMostFactor = 1 << 20;
  bool bounded = true;
  for (int64_t j = 0; j < n; ++j)
    bounded &= std::abs(e.multiplier[j]) < kMost && std::abs(e.addend[j]) < kMostAddend;
  if (e.added == nullptr) return bounded;
  return bounded && std::abs(e.added->factor) < kMostFactor &&
         std::abs(e.added->other_factor) < kMostFactor && std::abs(e.added->addend) < kMostAddend;
}

/// What is added to the bytes.
enum class Other : uint8_t { none, u8, i8 };

/// The numbers that bytes are of, before they are rounded: what AddedBytes makes of v.
template <Other other>
class Sum {
 public:
  DRAWBAR_FINISH_TARGET Sum(const ByteEpilogue& e, const TileSums& tile) {
    if constexpr (other == Other::none) return;
    const AddedBytes& s = *e.added;
    const int32_t low = (e.to == ElementType::i8 ? -128 : 0) - e.zero;
    low_ = _mm512_set1_ps(static_cast<float>(low));
    high_ = _mm512_set1_ps(static_cast<float>(low + 255));
    // A number plus that is rounded to an integer; less it, it has its zero point.
    constexpr float kMagic = 0x1.8p23f;
    magic_ = _mm512_set1_ps(kMagic);
    back_ = _mm512_set1_ps(kMagic - static_cast<float>(e.zero));
    factor_ = _mm512_set1_ps(s.factor);
    other_factor_ = _mm512_set1_ps(s.other_factor);
    addend_ = _mm512_set1_ps(s.addend);
    other_first_ = s.other_first;
    other_ = static_cast<const std::byte*>(s.other) + tile.column;
    ld_ = s.other_ld;
  }

  /// For 16 columns from 16 · j on of y's row, of which those of the mask are there.
  DRAWBAR_FINISH_TARGET __m512 operator()(__m512 v, int64_t y_row, int64_t j,
                                          __mmask32 mask) const {
    if constexpr (other == Other::none) return v;
    const __m512 kept = _mm512_min_ps(high_, _mm512_max_ps(v, low_));  // not-a-number: the lowest
    const __m512 q = _mm512_sub_ps(_mm512_add_ps(kept, magic_), back_);
    const auto columns = static_cast<__mmask16>(mask >> (16 * j));
    const __m128i bytes = _mm_maskz_loadu_epi8(columns, other_ + y_row * ld_ + 16 * j);
    const __m512 number = _mm512_cvtepi32_ps(other == Other::u8 ? _mm512_cvtepu8_epi32(bytes)
                                                                : _mm512_cvtepi8_epi32(bytes));
    if (other_first_)
      return _mm512_fmadd_ps(number, other_factor_, _mm512_fmadd_ps(q, factor_, addend_));
    return _mm512_fmadd_ps(q, factor_, _mm512_fmadd_ps(number, other_factor_, addend_));
  }

 private:
  __m512 low_, high_, magic_, back_, factor_, other_factor_, addend_;
  bool other_first_;
  const std::byte* other_;
  int64_t ld_;
};

/// Bounded bytes, two rows at a time, so that a vector of bytes is full.
template <bool to_signed, Other other>
DRAWBAR_FINISH_TARGET void finish_pairs(const ByteEpilogue& e, const TileSums& s, int64_t begin,
                                        int64_t end, void* y, int64_t y_ld) {
  const __m512 multiplier[2] = {_mm512_loadu_ps(e.multiplier + s.column),
                                _mm512_loadu_ps(e.multiplier + s.column + 16)};
  const __m512 addend[2] = {_mm512_loadu_ps(e.addend + s.column),
                            _mm512_loadu_ps(e.addend + s.column + 16)};
  const __m512i offset[2] = {_mm512_loadu_si512(e.offset + s.column),
                             _mm512_loadu_si512(e.offset + s.column + 16)};
  const int32_t y_zero = other == Other::none ? e.zero : e.added->zero;
  const __m512i zero = _mm512_set1_epi16(static_cast<int16_t>(y_zero));
  const Sum<other> sum(e, s);
  // Fours of columns 0 to 15 and 16 to 31 of both rows alternate after packing.
  const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
  const auto mask = static_cast<__mmask32>((uint64_t{1} << s.columns) - 1);
  const auto rounded = [&](int64_t row, int64_t y_row, int64_t j) DRAWBAR_FINISH_TARGET {
    const __m512i sums = _mm512_load_si512(s.sums + row * kTilePanel + 16 * j);
    const __m512 number = _mm512_cvtepi32_ps(_mm512_add_epi32(sums, offset[j]));
    const __m512 v = _mm512_fmadd_ps(number, multiplier[j], addend[j]);
    return _mm512_cvtps_epi32(sum(v, y_row, j, mask));
  };
  const auto moved = [&](__m512i words) DRAWBAR_FINISH_TARGET {
    return y_zero == 0 ? words : _mm512_adds_epi16(words, zero);
  };
  const auto store = [&](int64_t y_row, __m256i bytes) DRAWBAR_FINISH_TARGET {
    if (y_row >= 0)
      _mm256_mask_storeu_epi8(static_cast<std::byte*>(y) + y_row * y_ld + s.column, mask, bytes);
  };
  for (int64_t row = begin; row < end; row += 2) {
    const bool has_second = row + 1 < end;
    const int64_t y_first = s.y_rows[row], y_second = has_second ? s.y_rows[row + 1] : -1;
    // Rows that y has not are added to its first one's neighbours, and left.
    const int64_t first = y_first < 0 ? 0 : y_first, second = y_second < 0 ? 0 : y_second;
    const __m512i a = moved(_mm512_packs_epi32(rounded(row, first, 0), rounded(row, first, 1)));
    const __m512i b =
        moved(_mm512_packs_epi32(rounded(row + 1, second, 0), rounded(row + 1, second, 1)));
    const __m512i packed = to_signed ? _mm512_packs_epi16(a, b) : _mm512_packus_epi16(a, b);
    const __m512i rows = _mm512_permutexvar_epi32(order, packed);
    store(y_first, _mm512_castsi512_si256(rows));
    store(y_second, _mm512_extracti64x4_epi64(rows, 1));
  }
}

template <bool to_signed>
FinishTile finish_pairs_of(const ByteEpilogue& e) {
  if (e.added == nullptr) return finish_pairs<to_signed, Other::none>;
  return e.added->other_type == ElementType::i8 ? finish_pairs<to_signed, Other::i8>
                                                : finish_pairs<to_signed, Other::u8>;
}

#endif

}  // namespace

FinishTile finish_tile(const ByteEpilogue& e, int64_t n) {
#if defined(__x86_64__)
  const ElementType y = e.y_type();
  if (y == ElementType::u8 && is_bounded(e, n)) return finish_pairs_of<false>(e);
  if (y == ElementType::i8 && is_bounded(e, n)) return finish_pairs_of<true>(e);
#endif
  return finish_any;
}

}  // namespace drawbar::cpu

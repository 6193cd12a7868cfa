#include "targets/cpu/gemm/byte_tile_finish.h"

#include <algorithm>

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

/// What bytes are added to: nothing, or `other` of a type, by the first product or the second.
template <bool exists, bool is_signed = false, bool is_first = false>
class Other {
 public:
  static constexpr bool added = exists;

  DRAWBAR_FINISH_TARGET Other(const ByteEpilogue& e, int64_t column) {
    if constexpr (!exists) return;
    const AddedBytes& a = *e.added;
    const int32_t low = (e.to == ElementType::i8 ? -128 : 0) - e.zero;
    low_ = _mm512_set1_ps(static_cast<float>(low));
    high_ = _mm512_set1_ps(static_cast<float>(low + 255));
    // A number plus that is rounded to an integer; less it, it has its zero point.
    constexpr float kMagic = 0x1.8p23f;
    magic_ = _mm512_set1_ps(kMagic);
    back_ = _mm512_set1_ps(kMagic - static_cast<float>(e.zero));
    factor_ = _mm512_set1_ps(a.factor);
    other_factor_ = _mm512_set1_ps(a.other_factor);
    addend_ = _mm512_set1_ps(a.addend);
    bytes_ = static_cast<const std::byte*>(a.other) + column;
    ld_ = a.other_ld;
  }

  /// The row's bytes from the panel's first column on.
  const std::byte* row(int64_t y_row) const { return exists ? bytes_ + y_row * ld_ : nullptr; }
  int64_t ld() const { return ld_; }

  /// y before it is rounded, of v and 16 of those bytes.
  DRAWBAR_FINISH_TARGET __m512 sum(__m512 v, __m128i bytes) const {
    const __m512 kept = _mm512_min_ps(high_, _mm512_max_ps(v, low_));  // not-a-number: the lowest
    const __m512 q = _mm512_sub_ps(_mm512_add_ps(kept, magic_), back_);
    const __m512 number =
        _mm512_cvtepi32_ps(is_signed ? _mm512_cvtepi8_epi32(bytes) : _mm512_cvtepu8_epi32(bytes));
    if constexpr (is_first)
      return _mm512_fmadd_ps(number, other_factor_, _mm512_fmadd_ps(q, factor_, addend_));
    return _mm512_fmadd_ps(q, factor_, _mm512_fmadd_ps(number, other_factor_, addend_));
  }

 private:
  __m512 low_, high_, magic_, back_, factor_, other_factor_, addend_;
  const std::byte* bytes_ = nullptr;
  int64_t ld_ = 0;
};

/// Makes bounded bytes of a panel's sums, two rows at a time, so that a vector of bytes is full.
template <class Other>
class Pairs {
 public:
  static constexpr bool adds = Other::added;

  DRAWBAR_FINISH_TARGET Pairs(const ByteEpilogue& e, const TileSums& s)
      : other_(e, s.column), to_signed_(e.y_type() == ElementType::i8) {
    for (int64_t j = 0; j < 2; ++j) {
      multiplier_[j] = _mm512_loadu_ps(e.multiplier + s.column + 16 * j);
      addend_[j] = _mm512_loadu_ps(e.addend + s.column + 16 * j);
      offset_[j] = _mm512_loadu_si512(e.offset + s.column + 16 * j);
    }
    const int32_t zero = adds ? e.added->zero : e.zero;
    has_zero_ = zero != 0;
    zero_ = _mm512_set1_epi16(static_cast<int16_t>(zero));
    // Fours of columns 0 to 15 and 16 to 31 of both rows alternate after packing.
    order_ = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
  }

  /// Two rows one behind the other: sums, and what is added to them where all columns are there.
  DRAWBAR_FINISH_TARGET __m512i whole(const int32_t* sums, const std::byte* first,
                                      const std::byte* second) const {
    const auto at = [](const std::byte* row, int64_t j) DRAWBAR_FINISH_TARGET {
      return adds ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + 16 * j)) : __m128i();
    };
    return packed(words(sums, at(first, 0), at(first, 1)),
                  words(sums + kTilePanel, at(second, 0), at(second, 1)));
  }
  /// The same where those of the mask are.
  DRAWBAR_FINISH_TARGET __m512i some(const int32_t* sums, const std::byte* first,
                                     const std::byte* second, __mmask32 mask) const {
    const auto at = [&](const std::byte* row, int64_t j) DRAWBAR_FINISH_TARGET {
      if constexpr (!adds) return __m128i();
      return _mm_maskz_loadu_epi8(static_cast<__mmask16>(mask >> (16 * j)), row + 16 * j);
    };
    return packed(words(sums, at(first, 0), at(first, 1)),
                  words(sums + kTilePanel, at(second, 0), at(second, 1)));
  }

  const Other& other() const { return other_; }

 private:
  DRAWBAR_FINISH_TARGET __m512i rounded(const int32_t* sums, int64_t j, __m128i bytes) const {
    const __m512i sum = _mm512_add_epi32(_mm512_load_si512(sums + 16 * j), offset_[j]);
    const __m512 v = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), multiplier_[j], addend_[j]);
    if constexpr (adds) return _mm512_cvtps_epi32(other_.sum(v, bytes));
    return _mm512_cvtps_epi32(v);
  }
  DRAWBAR_FINISH_TARGET __m512i words(const int32_t* sums, __m128i left, __m128i right) const {
    const __m512i words = _mm512_packs_epi32(rounded(sums, 0, left), rounded(sums, 1, right));
    return has_zero_ ? _mm512_adds_epi16(words, zero_) : words;
  }
  DRAWBAR_FINISH_TARGET __m512i packed(__m512i first, __m512i second) const {
    return _mm512_permutexvar_epi32(order_, to_signed_ ? _mm512_packs_epi16(first, second)
                                                       : _mm512_packus_epi16(first, second));
  }

  Other other_;
  bool to_signed_, has_zero_;
  __m512 multiplier_[2], addend_[2];
  __m512i offset_[2], zero_, order_;
};

/// Whole panels of an even number of rows that y has one behind the other.
template <class Other>
DRAWBAR_FINISH_TARGET void finish_whole(const ByteEpilogue& e, const TileSums& s, int64_t begin,
                                        int64_t end, std::byte* y, int64_t y_ld) {
  const Pairs<Other> pairs(e, s);
  const int64_t ld = pairs.other().ld(), y_row = s.y_rows[begin];
  const std::byte* other = pairs.other().row(y_row);
  y += y_row * y_ld + s.column;
  const int32_t* sums = s.sums + begin * kTilePanel;
  for (int64_t row = begin; row < end; row += 2) {
    const __m512i rows = pairs.whole(sums, other, other + ld);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), _mm512_castsi512_si256(rows));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + y_ld), _mm512_extracti64x4_epi64(rows, 1));
    sums += 2 * kTilePanel;
    other += 2 * ld;
    y += 2 * y_ld;
  }
}

template <class Other>
DRAWBAR_FINISH_TARGET void finish_some(const ByteEpilogue& e, const TileSums& s, int64_t begin,
                                       int64_t end, std::byte* y, int64_t y_ld) {
  const Pairs<Other> pairs(e, s);
  const auto mask = static_cast<__mmask32>((uint64_t{1} << s.columns) - 1);
  const auto store = [&](int64_t y_row, __m256i bytes) DRAWBAR_FINISH_TARGET {
    if (y_row >= 0) _mm256_mask_storeu_epi8(y + y_row * y_ld + s.column, mask, bytes);
  };
  for (int64_t row = begin; row < end; row += 2) {
    const int64_t first = s.y_rows[row], second = row + 1 < end ? s.y_rows[row + 1] : -1;
    // Rows that y has not are added to its first one, and left.
    const __m512i rows =
        pairs.some(s.sums + row * kTilePanel, pairs.other().row(std::max<int64_t>(first, 0)),
                   pairs.other().row(std::max<int64_t>(second, 0)), mask);
    store(first, _mm512_castsi512_si256(rows));
    store(second, _mm512_extracti64x4_epi64(rows, 1));
  }
}

template <class Other>
void finish_pairs(const ByteEpilogue& e, const TileSums& s, int64_t begin, int64_t end, void* y,
                  int64_t y_ld) {
  const bool whole = s.columns == kTilePanel && (end - begin) % 2 == 0 && s.y_rows[begin] >= 0 &&
                     s.y_rows[end - 1] - s.y_rows[begin] == end - 1 - begin;
  const auto finish = whole ? finish_whole<Other> : finish_some<Other>;
  finish(e, s, begin, end, static_cast<std::byte*>(y), y_ld);
}

FinishTile finish_pairs_of(const AddedBytes* added) {
  if (added == nullptr) return finish_pairs<Other<false>>;
  if (added->other_type == ElementType::i8)
    return added->other_first ? finish_pairs<Other<true, true, true>>
                              : finish_pairs<Other<true, true, false>>;
  return added->other_first ? finish_pairs<Other<true, false, true>>
                            : finish_pairs<Other<true, false, false>>;
}

#endif

}  // namespace

FinishTile finish_tile(const ByteEpilogue& e) {
#if defined(__x86_64__)
  const ElementType y = e.y_type();
  const bool to_bytes = y == ElementType::u8 || y == ElementType::i8;
  if (to_bytes && e.bounded) return finish_pairs_of(e.added);
#endif
  return finish_any;
}

}  // namespace drawbar::cpu

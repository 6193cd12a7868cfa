// Vectors of f32 to vectors of bytes, for files that targets/cpu/simd.h compiles for each
// instruction set. DRAWBAR_BYTE_VECTORS is defined where there are such. No include guard by
// intent.
#include "targets/cpu/simd.h"

#undef DRAWBAR_BYTE_VECTORS
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
#define DRAWBAR_BYTE_VECTORS

#include <cstdint>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The packs work within blocks of 16 bytes: of each, those of the second operand follow.
HWY_INLINE __m128i nearest(__m128 v) { return _mm_cvtps_epi32(v); }
HWY_INLINE __m128i pack_words(__m128i a, __m128i b) { return _mm_packs_epi32(a, b); }
HWY_INLINE __m128i pack_bytes(int8_t, __m128i a, __m128i b) { return _mm_packs_epi16(a, b); }
HWY_INLINE __m128i pack_bytes(uint8_t, __m128i a, __m128i b) { return _mm_packus_epi16(a, b); }
HWY_INLINE __m256i nearest(__m256 v) { return _mm256_cvtps_epi32(v); }
HWY_INLINE __m256i pack_words(__m256i a, __m256i b) { return _mm256_packs_epi32(a, b); }
HWY_INLINE __m256i pack_bytes(int8_t, __m256i a, __m256i b) { return _mm256_packs_epi16(a, b); }
HWY_INLINE __m256i pack_bytes(uint8_t, __m256i a, __m256i b) { return _mm256_packus_epi16(a, b); }
#if HWY_TARGET == HWY_AVX3
HWY_INLINE __m512i nearest(__m512 v) { return _mm512_cvtps_epi32(v); }
HWY_INLINE __m512i pack_words(__m512i a, __m512i b) { return _mm512_packs_epi32(a, b); }
HWY_INLINE __m512i pack_bytes(int8_t, __m512i a, __m512i b) { return _mm512_packs_epi16(a, b); }
HWY_INLINE __m512i pack_bytes(uint8_t, __m512i a, __m512i b) { return _mm512_packus_epi16(a, b); }
#endif

/// sum + the products of four bytes u (unsigned) and w (signed) each; those that are added in 16
/// bits on the way are known to fit.
HWY_INLINE __m128i add_fours(__m128i sum, __m128i u, __m128i w) {
  return _mm_add_epi32(sum, _mm_madd_epi16(_mm_maddubs_epi16(u, w), _mm_set1_epi16(1)));
}
HWY_INLINE __m256i add_fours(__m256i sum, __m256i u, __m256i w) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(u, w), _mm256_set1_epi16(1)));
}
#if HWY_TARGET == HWY_AVX3
HWY_INLINE __m512i add_fours(__m512i sum, __m512i u, __m512i w) {
  return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(u, w), _mm512_set1_epi16(1)));
}
#endif
/// The same where has_byte_dots(): in assembly, as the instruction set compiled for is without.
template <class V>
HWY_INLINE V add_dots(V sum, V u, V w) {
#if HWY_TARGET == HWY_AVX3
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(u), "vm"(w));
#else
  asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(u), "xm"(w));
#endif
  return sum;
}

/// Two vectors of f32 as i16, rounded to nearest, ties to even, plus `zero`, saturated;
/// not-a-number becomes the lowest. In the packs' order. Bounded ones are known to fit 32 bits.
template <bool bounded = false, class V>
HWY_INLINE auto words_of(V a, V b, int32_t zero) {
  const hn::DFromV<V> d;
  const hn::Repartition<int16_t, decltype(d)> d16;
  const auto integers = [&](V v) HWY_ATTR {
    // Of what exceeds 32 bits the instruction makes the lowest.
    return nearest(bounded ? v.raw : hn::Min(hn::Set(d, 1e9f), v).raw);
  };
  const hn::Vec<decltype(d16)> words{pack_words(integers(a), integers(b))};
  return hn::SaturatedAdd(words, hn::Set(d16, static_cast<int16_t>(zero)));
}

/// Four vectors of f32, one behind the other, as bytes T (u8 or i8) likewise.
template <class T, bool bounded = false, class V>
HWY_INLINE auto to_bytes(V a, V b, V c, V e, int32_t zero) {
  const hn::DFromV<V> d;
  const hn::Repartition<T, decltype(d)> d8;
  const hn::RebindToUnsigned<decltype(d)> d32;
  const hn::Vec<decltype(d8)> bytes{
      pack_bytes(T{}, words_of<bounded>(a, b, zero).raw, words_of<bounded>(c, e, zero).raw)};
  // Of every 16 bytes, four are of each vector.
  constexpr int kBlocks = static_cast<int>(hn::MaxLanes(d) / 4);
  alignas(64) int32_t order[4 * kBlocks];
  for (int i = 0; i < 4 * kBlocks; ++i) order[i] = i % kBlocks * 4 + i / kBlocks;
  return hn::BitCast(
      d8, hn::TableLookupLanes(hn::BitCast(d32, bytes), hn::SetTableIndices(d32, order)));
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

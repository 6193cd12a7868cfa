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

#if HWY_TARGET == HWY_AVX2
#define DRAWBAR_X86(name) _mm256_##name
#else
#define DRAWBAR_X86(name) _mm512_##name
#endif

/// Four vectors one behind the other as bytes T (u8 or i8), rounded to nearest, ties to even, plus
/// `zero`, saturated; not-a-number becomes the lowest.
template <class T, class V>
HWY_INLINE auto to_bytes(V a, V b, V c, V e, int32_t zero) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  const hn::Repartition<int16_t, decltype(d)> d16;
  const hn::Repartition<T, decltype(d)> d8;
  const hn::RebindToUnsigned<decltype(d)> du32;
  const auto most = hn::Set(d, 1e9f);  // the instruction makes the lowest of what exceeds 32 bits
  const auto rounded = [&](V v) HWY_ATTR { return DRAWBAR_X86(cvtps_epi32)(hn::Min(most, v).raw); };
  const auto words = [&](V v, V w) HWY_ATTR {
    const hn::Vec<decltype(d16)> packed{DRAWBAR_X86(packs_epi32)(rounded(v), rounded(w))};
    return hn::SaturatedAdd(packed, hn::Set(d16, static_cast<int16_t>(zero)));
  };
  const auto low = words(a, b), high = words(c, e);
  const hn::Vec<decltype(d8)> bytes{std::is_signed_v<T>
                                        ? DRAWBAR_X86(packs_epi16)(low.raw, high.raw)
                                        : DRAWBAR_X86(packus_epi16)(low.raw, high.raw)};
  // Of every 16 bytes, four are of each vector.
  constexpr int kBlocks = static_cast<int>(hn::MaxLanes(d) / 4);
  alignas(64) int32_t order[4 * kBlocks];
  for (int i = 0; i < 4 * kBlocks; ++i) order[i] = i % kBlocks * 4 + i / kBlocks;
  return hn::BitCast(
      d8, hn::TableLookupLanes(hn::BitCast(du32, bytes), hn::SetTableIndices(du32, order)));
}

#undef DRAWBAR_X86
}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

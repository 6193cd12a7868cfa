// Loads and stores of the last, incomplete vector of a line, for kernel files built through
// targets/cpu/simd.h (include this one after it). No include guard by intent: it is compiled once
// per instruction set.

#if defined(DRAWBAR_PARTIAL_TOGGLE) == defined(HWY_TARGET_TOGGLE)
#ifdef DRAWBAR_PARTIAL_TOGGLE
#undef DRAWBAR_PARTIAL_TOGGLE
#else
#define DRAWBAR_PARTIAL_TOGGLE
#endif

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The first `n` lanes from memory (nothing behind them is read), `otherwise` in the others.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V load_part(D d, const hn::TFromD<D>* from, int64_t n, V otherwise) {
  const auto mask = hn::FirstN(d, static_cast<size_t>(n));
  return hn::IfThenElse(mask, hn::MaskedLoad(mask, d, from), otherwise);
}

/// Stores the first `n` lanes; nothing behind them is written.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void store_part(V v, D d, hn::TFromD<D>* to, int64_t n) {
  hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(n)), d, to);
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // DRAWBAR_PARTIAL_TOGGLE

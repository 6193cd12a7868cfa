// What both sides of Winograd's transforms share: included after targets/cpu/simd.h, once per
// instruction set.
#if defined(DRAWBAR_WINOGRAD_CHANNELS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef DRAWBAR_WINOGRAD_CHANNELS_INL_H
#undef DRAWBAR_WINOGRAD_CHANNELS_INL_H
#else
#define DRAWBAR_WINOGRAD_CHANNELS_INL_H
#endif

#include <cstdint>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// f(tag, channel) for every vector of channels; some twice where that is harmless, rather than one
/// at a time.
template <class F>
HWY_INLINE void for_channels(int64_t channels, bool repeatable, const F& f) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> d1;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t channel = 0;
  for (; channel + lanes <= channels; channel += lanes) f(d, channel);
  if (repeatable && channel < channels && channels >= lanes) {
    f(d, channels - lanes);
    return;
  }
  for (; channel < channels; ++channel) f(d1, channel);
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target

// What convolutions that go along lines of pixels, vectors of channels at a time, have in common:
// for files that targets/cpu/simd.h compiles for each instruction set. No include guard by intent.
//
// `run` tells of some pixels where they lie: y, bias and residual (either may be null) for the
// first channel, and how many `channels` the last vector has, if not all. `s` tells how far pixels
// are apart, y_pixel and residual_pixel, and has the epilogue. A vector begins at channel `at`.
#include "targets/cpu/gemm/activation-inl.h"
#include "targets/cpu/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

template <bool kTail>
HWY_INLINE V load(const float* from, int64_t channels) {
  const D d;
  if constexpr (kTail) {
    return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(channels)), d, from);
  }
  return hn::LoadU(d, from);
}

/// Holds a value in a register: g++ 12 would read it again for each multiply-add.
HWY_INLINE void hold([[maybe_unused]] V& v) {
#if HWY_TARGET == HWY_AVX3
  asm("" : "+v"(v.raw));
#elif HWY_TARGET == HWY_AVX2
  asm("" : "+x"(v.raw));
#endif
}

template <bool kTail, int kPixels, class Sizes, class Run>
HWY_INLINE void add_rest(const Sizes& s, const Run& run, int64_t at, V (&sums)[kPixels]) {
  DRAWBAR_UNROLL for (int t = 0; t < kPixels; ++t) {
    if (s.epilogue->accumulate)
      sums[t] = hn::Add(sums[t], load<kTail>(run.y + t * s.y_pixel + at, run.channels));
    if (run.residual != nullptr) {
      sums[t] =
          hn::Add(sums[t], load<kTail>(run.residual + t * s.residual_pixel + at, run.channels));
    }
  }
}

template <bool kTail, int kPixels, Activation kActivation, class Sizes, class Run>
HWY_INLINE void store(const Sizes& s, const Run& run, int64_t at, V (&sums)[kPixels]) {
  const D d;
  const float alpha = s.epilogue->alpha, beta = s.epilogue->beta;
  DRAWBAR_UNROLL for (int t = 0; t < kPixels; ++t) {
    float* y = run.y + t * s.y_pixel + at;
    const V v = activate(d, sums[t], kActivation, alpha, beta);
    if constexpr (kTail) {
      hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(run.channels)), d, y);
    } else {
      hn::StoreU(v, d, y);
    }
  }
}

template <bool kTail, int kPixels, class Sizes, class Run>
HWY_INLINE void finish(const Sizes& s, const Run& run, int64_t at, V (&sums)[kPixels]) {
  if (s.epilogue->accumulate || run.residual != nullptr) add_rest<kTail>(s, run, at, sums);
  switch (s.epilogue->activation) {
    case Activation::none:
      return store<kTail, kPixels, Activation::none>(s, run, at, sums);
    case Activation::clamp:
      return store<kTail, kPixels, Activation::clamp>(s, run, at, sums);
    case Activation::leaky_relu:
      return store<kTail, kPixels, Activation::leaky_relu>(s, run, at, sums);
    case Activation::hard_swish:
      return store<kTail, kPixels, Activation::hard_swish>(s, run, at, sums);
  }
}

template <bool kTail, class Run>
HWY_INLINE V start(const Run& run, int64_t at) {
  return run.bias != nullptr ? load<kTail>(run.bias + at, run.channels) : hn::Zero(D());
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// The microkernel's activations for vector code: included by files that use targets/cpu/simd.h,
// after it, once per instruction set.
#if defined(DRAWBAR_ACTIVATION_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef DRAWBAR_ACTIVATION_INL_H
#undef DRAWBAR_ACTIVATION_INL_H
#else
#define DRAWBAR_ACTIVATION_INL_H
#endif

#include <hwy/highway.h>

#include "targets/cpu/gemm/microkernel.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {

/// activation(x), an Activation with its parameters as in Epilogue. Keeps NaN.
template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> activate(D d, hwy::HWY_NAMESPACE::Vec<D> x,
                                               Activation activation, float alpha, float beta) {
  namespace hn = hwy::HWY_NAMESPACE;
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::clamp: {
      const auto low = hn::Set(d, alpha);
      const auto high = hn::Set(d, beta);
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
      return hn::Min(high, hn::Max(low, x));  // x86 gives the second operand where one is NaN
#else
      x = hn::IfThenElse(hn::Lt(x, low), low, x);
      return hn::IfThenElse(hn::Gt(x, high), high, x);
#endif
    }
    case Activation::leaky_relu:
      return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(x, hn::Set(d, alpha)), x);
    case Activation::hard_swish: {
      auto t = hn::Add(hn::Mul(x, hn::Set(d, 1.0f / 6.0f)), hn::Set(d, 0.5f));
      t = hn::Min(hn::Max(t, hn::Zero(d)), hn::Set(d, 1.0f));
      return hn::Mul(x, t);
    }
  }
  return x;
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per target

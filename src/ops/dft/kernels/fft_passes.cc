#include "ops/dft/kernels/fft_passes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/dft/kernels/fft_passes.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
struct Complex {
  hn::Vec<D> re, im;
};

template <class D>
HWY_INLINE Complex<D> add(Complex<D> a, Complex<D> b) {
  return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)};
}
template <class D>
HWY_INLINE Complex<D> sub(Complex<D> a, Complex<D> b) {
  return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)};
}
/// a - i b and a + i b.
template <class D>
HWY_INLINE Complex<D> sub_i(Complex<D> a, Complex<D> b) {
  return {hn::Add(a.re, b.im), hn::Sub(a.im, b.re)};
}
template <class D>
HWY_INLINE Complex<D> add_i(Complex<D> a, Complex<D> b) {
  return {hn::Sub(a.re, b.im), hn::Add(a.im, b.re)};
}
/// a + b factor, for a real factor.
template <class D>
HWY_INLINE Complex<D> add_scaled(Complex<D> a, Complex<D> b, hn::Vec<D> factor) {
  return {hn::MulAdd(b.re, factor, a.re), hn::MulAdd(b.im, factor, a.im)};
}
template <class D>
HWY_INLINE Complex<D> scaled(Complex<D> a, hn::Vec<D> factor) {
  return {hn::Mul(a.re, factor), hn::Mul(a.im, factor)};
}

/// The transform of kRadix points in place.
template <int kRadix, class D>
HWY_INLINE void transform_points(D d, Complex<D>* a) {
  using T = hn::TFromD<D>;
  if constexpr (kRadix == 2) {
    const Complex<D> first = a[0];
    a[0] = add<D>(first, a[1]);
    a[1] = sub<D>(first, a[1]);
  } else if constexpr (kRadix == 3) {
    const Complex<D> sum = add<D>(a[1], a[2]), difference = sub<D>(a[1], a[2]);
    const Complex<D> middle = add_scaled<D>(a[0], sum, hn::Set(d, T(-0.5)));
    const Complex<D> turned =
        scaled<D>(difference, hn::Set(d, T(0.866025403784438646763723170753)));
    a[0] = add<D>(a[0], sum);
    a[1] = sub_i<D>(middle, turned);
    a[2] = add_i<D>(middle, turned);
  } else if constexpr (kRadix == 4) {
    const Complex<D> even = add<D>(a[0], a[2]), odd = add<D>(a[1], a[3]);
    const Complex<D> even_rest = sub<D>(a[0], a[2]), odd_rest = sub<D>(a[1], a[3]);
    a[0] = add<D>(even, odd);
    a[1] = sub_i<D>(even_rest, odd_rest);
    a[2] = sub<D>(even, odd);
    a[3] = add_i<D>(even_rest, odd_rest);
  } else {
    static_assert(kRadix == 5);
    const auto cos1 = hn::Set(d, T(0.309016994374947424102293417183));
    const auto cos2 = hn::Set(d, T(-0.809016994374947424102293417183));
    const auto sin1 = hn::Set(d, T(0.951056516295153572116439333379));
    const auto sin2 = hn::Set(d, T(0.587785252292473129168705954639));
    const Complex<D> sum1 = add<D>(a[1], a[4]), sum2 = add<D>(a[2], a[3]);
    const Complex<D> rest1 = sub<D>(a[1], a[4]), rest2 = sub<D>(a[2], a[3]);
    const Complex<D> even1 = add_scaled<D>(add_scaled<D>(a[0], sum1, cos1), sum2, cos2);
    const Complex<D> even2 = add_scaled<D>(add_scaled<D>(a[0], sum1, cos2), sum2, cos1);
    const Complex<D> odd1 = add_scaled<D>(scaled<D>(rest1, sin1), rest2, sin2);
    const Complex<D> odd2 = add_scaled<D>(scaled<D>(rest1, sin2), rest2, hn::Neg(sin1));
    a[0] = add<D>(a[0], add<D>(sum1, sum2));
    a[1] = sub_i<D>(even1, odd1);
    a[4] = add_i<D>(even1, odd1);
    a[2] = sub_i<D>(even2, odd2);
    a[3] = add_i<D>(even2, odd2);
  }
}

/// What a pass does for one column: point k of the transforms is multiplied by twiddle k - 1 and
/// stored `width` numbers behind point k - 1.
template <class T>
struct Column {
  const T *from_re, *from_im;
  T *to_re, *to_im;
  int64_t from_step, width;
  const T* twiddles;
};

/// Neighbours [i, …) of the column as long as they fill vectors of D; where it ended.
template <int kRadix, bool kTwiddles, class D, class T>
HWY_INLINE int64_t transform_column(D d, int64_t i, const Column<T>& c) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  if (i + lanes > c.width) return i;
  hn::Vec<D> wr[kRadix - 1], wi[kRadix - 1];
  if constexpr (kTwiddles) {
    for (int k = 0; k < kRadix - 1; ++k) {
      wr[k] = hn::Set(d, c.twiddles[2 * k]);
      wi[k] = hn::Set(d, c.twiddles[2 * k + 1]);
    }
  }
  for (; i + lanes <= c.width; i += lanes) {
    Complex<D> a[kRadix];
    for (int k = 0; k < kRadix; ++k) {
      a[k] = {hn::LoadU(d, c.from_re + k * c.from_step + i),
              hn::LoadU(d, c.from_im + k * c.from_step + i)};
    }
    transform_points<kRadix>(d, a);
    hn::StoreU(a[0].re, d, c.to_re + i);
    hn::StoreU(a[0].im, d, c.to_im + i);
    for (int k = 1; k < kRadix; ++k) {
      hn::Vec<D> re = a[k].re, im = a[k].im;
      if constexpr (kTwiddles) {
        re = hn::NegMulAdd(a[k].im, wi[k - 1], hn::Mul(a[k].re, wr[k - 1]));
        im = hn::MulAdd(a[k].re, wi[k - 1], hn::Mul(a[k].im, wr[k - 1]));
      }
      hn::StoreU(re, d, c.to_re + k * c.width + i);
      hn::StoreU(im, d, c.to_im + k * c.width + i);
    }
  }
  return i;
}

/// The same for any odd radix: point j and point radix - j are sums and differences of cosine and
/// sine parts.
template <class D, class T>
HWY_INLINE int64_t transform_odd_column(D d, int64_t i, const Column<T>& c, int64_t radix,
                                        const T* roots, bool twiddles) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t half = radix / 2;
  Complex<D> sums[largest_radix / 2], differences[largest_radix / 2];
  const auto store = [&](int64_t k, Complex<D> a) HWY_ATTR {
    if (twiddles) {
      const auto wr = hn::Set(d, c.twiddles[2 * k - 2]), wi = hn::Set(d, c.twiddles[2 * k - 1]);
      a = {hn::NegMulAdd(a.im, wi, hn::Mul(a.re, wr)), hn::MulAdd(a.re, wi, hn::Mul(a.im, wr))};
    }
    hn::StoreU(a.re, d, c.to_re + k * c.width + i);
    hn::StoreU(a.im, d, c.to_im + k * c.width + i);
  };
  const auto load = [&](int64_t k) HWY_ATTR {
    return Complex<D>{hn::LoadU(d, c.from_re + k * c.from_step + i),
                      hn::LoadU(d, c.from_im + k * c.from_step + i)};
  };
  for (; i + lanes <= c.width; i += lanes) {
    const Complex<D> first = load(0);
    Complex<D> total = first;
    for (int64_t k = 1; k <= half; ++k) {
      const Complex<D> a = load(k), b = load(radix - k);
      sums[k - 1] = add<D>(a, b);
      differences[k - 1] = sub<D>(a, b);
      total = add<D>(total, sums[k - 1]);
    }
    hn::StoreU(total.re, d, c.to_re + i);
    hn::StoreU(total.im, d, c.to_im + i);
    for (int64_t j = 1; j <= half; ++j) {
      Complex<D> even = first, odd = {hn::Zero(d), hn::Zero(d)};
      for (int64_t k = 1, at = j; k <= half; ++k) {
        even = add_scaled<D>(even, sums[k - 1], hn::Set(d, roots[2 * at]));
        odd = add_scaled<D>(odd, differences[k - 1], hn::Set(d, roots[2 * at + 1]));
        at = at + j < radix ? at + j : at + j - radix;
      }
      store(j, sub_i<D>(even, odd));
      store(radix - j, add_i<D>(even, odd));
    }
  }
  return i;
}

/// Calls f(d, i) with shorter and shorter vectors: it does what they hold from i on, and says how
/// far it came.
template <class T, class F>
HWY_INLINE void with_vectors(const F& f) {
  int64_t i = f(hn::ScalableTag<T>(), int64_t{0});
#if HWY_TARGET != HWY_SCALAR
  i = f(hn::CappedTag<T, 16 / sizeof(T)>(), i);
#endif
  f(hn::CappedTag<T, 1>(), i);
}

template <class T>
HWY_INLINE Column<T> column(const FftPass<T>& pass, Planes<T> from, Planes<T> to, int64_t width,
                            int64_t p) {
  return {from.re + p * width,
          from.im + p * width,
          to.re + p * pass.radix * width,
          to.im + p * pass.radix * width,
          pass.columns * width,
          width,
          pass.twiddles.data() + 2 * p * (pass.radix - 1)};
}

/// The first column has twiddles of 1.
template <class T, int kRadix>
void run_pass(const FftPass<T>& pass, Planes<T> from, Planes<T> to, int64_t lines) {
  const int64_t width = pass.stride * lines;
  const Column<T> first = column(pass, from, to, width, 0);
  with_vectors<T>([&](auto d, int64_t i)
                      HWY_ATTR { return transform_column<kRadix, false>(d, i, first); });
  for (int64_t p = 1; p < pass.columns; ++p) {
    const Column<T> c = column(pass, from, to, width, p);
    with_vectors<T>([&](auto d, int64_t i)
                        HWY_ATTR { return transform_column<kRadix, true>(d, i, c); });
  }
}

template <class T>
void run_odd_pass(const FftPass<T>& pass, Planes<T> from, Planes<T> to, int64_t lines) {
  const int64_t width = pass.stride * lines;
  for (int64_t p = 0; p < pass.columns; ++p) {
    const Column<T> c = column(pass, from, to, width, p);
    with_vectors<T>([&](auto d, int64_t i) HWY_ATTR {
      return transform_odd_column(d, i, c, pass.radix, pass.roots.data(), p > 0);
    });
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

template <class T>
decltype(FftPass<T>::run) pass_code(int64_t radix, Isa isa) {
  switch (radix) {
    case 2:
      return DRAWBAR_SIMD_FOR(isa, run_pass<T, 2>);
    case 3:
      return DRAWBAR_SIMD_FOR(isa, run_pass<T, 3>);
    case 4:
      return DRAWBAR_SIMD_FOR(isa, run_pass<T, 4>);
    case 5:
      return DRAWBAR_SIMD_FOR(isa, run_pass<T, 5>);
    default:
      return DRAWBAR_SIMD_FOR(isa, run_odd_pass<T>);
  }
}

template decltype(FftPass<float>::run) pass_code<float>(int64_t, Isa);
template decltype(FftPass<double>::run) pass_code<double>(int64_t, Isa);

}  // namespace drawbar::cpu
#endif

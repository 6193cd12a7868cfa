#include "ops/dft/kernels/row_loops.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/dft/kernels/row_loops.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Calls f(d, i) for [0, count), first with whole vectors, then one by one.
template <class T, class F>
HWY_INLINE void each_vector(int64_t count, const F& f) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) f(d, i);
  for (; i < count; ++i) f(hn::CappedTag<T, 1>(), i);
}

template <class T>
void multiply_rows(Planes<T> z, const T* re, const T* im, int64_t rows, int64_t lines) {
  if (lines == 1) {
    each_vector<T>(rows, [&](auto d, int64_t i) HWY_ATTR {
      const auto a = hn::LoadU(d, z.re + i), b = hn::LoadU(d, z.im + i);
      const auto c = hn::LoadU(d, re + i), s = hn::LoadU(d, im + i);
      hn::StoreU(hn::NegMulAdd(b, s, hn::Mul(a, c)), d, z.re + i);
      hn::StoreU(hn::MulAdd(a, s, hn::Mul(b, c)), d, z.im + i);
    });
    return;
  }
  for (int64_t j = 0; j < rows; ++j, z.re += lines, z.im += lines) {
    each_vector<T>(lines, [&](auto d, int64_t i) HWY_ATTR {
      const auto a = hn::LoadU(d, z.re + i), b = hn::LoadU(d, z.im + i);
      const auto c = hn::Set(d, re[j]), s = hn::Set(d, im[j]);
      hn::StoreU(hn::NegMulAdd(b, s, hn::Mul(a, c)), d, z.re + i);
      hn::StoreU(hn::MulAdd(a, s, hn::Mul(b, c)), d, z.im + i);
    });
  }
}

template <class T>
void scale_rows(T* x, const T* factors, int64_t step, int64_t rows, int64_t lines) {
  for (int64_t j = 0; j < rows; ++j, x += lines) {
    each_vector<T>(lines, [&](auto d, int64_t i) HWY_ATTR {
      hn::StoreU(hn::Mul(hn::LoadU(d, x + i), hn::Set(d, factors[j * step])), d, x + i);
    });
  }
}

template <class T>
void scale_numbers(T* x, T factor, int64_t count) {
  each_vector<T>(count, [&](auto d, int64_t i) HWY_ATTR {
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), hn::Set(d, factor)), d, x + i);
  });
}

/// Rows k and rows - k: with e and o the transforms of the even and the odd points, z = e + i o and
/// spectrum = e + turn o.
template <class T>
void split_rows(Planes<T> z, const T* turns, int64_t rows, int64_t lines, Planes<T> spectrum) {
  each_vector<T>(lines, [&](auto d, int64_t i) HWY_ATTR {
    const auto even = hn::LoadU(d, z.re + i), odd = hn::LoadU(d, z.im + i);
    hn::StoreU(hn::Add(even, odd), d, spectrum.re + i);
    hn::StoreU(hn::Sub(even, odd), d, spectrum.re + rows * lines + i);
    hn::StoreU(hn::Zero(d), d, spectrum.im + i);
    hn::StoreU(hn::Zero(d), d, spectrum.im + rows * lines + i);
  });
  for (int64_t k = 1; k <= rows / 2; ++k) {
    const int64_t low = k * lines, high = (rows - k) * lines;
    each_vector<T>(lines, [&](auto d, int64_t i) HWY_ATTR {
      const auto half = hn::Set(d, T(0.5));
      const auto a = hn::LoadU(d, z.re + low + i), b = hn::LoadU(d, z.im + low + i);
      const auto c = hn::LoadU(d, z.re + high + i), e = hn::LoadU(d, z.im + high + i);
      const auto even_re = hn::Mul(half, hn::Add(a, c)), even_im = hn::Mul(half, hn::Sub(b, e));
      const auto odd_re = hn::Mul(half, hn::Add(b, e)), odd_im = hn::Mul(half, hn::Sub(c, a));
      const auto wr = hn::Set(d, turns[2 * k]), wi = hn::Set(d, turns[2 * k + 1]);
      const auto turned_re = hn::NegMulAdd(odd_im, wi, hn::Mul(odd_re, wr));
      const auto turned_im = hn::MulAdd(odd_re, wi, hn::Mul(odd_im, wr));
      hn::StoreU(hn::Add(even_re, turned_re), d, spectrum.re + low + i);
      hn::StoreU(hn::Add(even_im, turned_im), d, spectrum.im + low + i);
      hn::StoreU(hn::Sub(even_re, turned_re), d, spectrum.re + high + i);
      hn::StoreU(hn::Sub(turned_im, even_im), d, spectrum.im + high + i);
    });
  }
}

template <class T>
void join_rows(Planes<T> spectrum, const T* turns, int64_t rows, int64_t lines, Planes<T> z) {
  each_vector<T>(lines, [&](auto d, int64_t i) HWY_ATTR {
    const auto first = hn::LoadU(d, spectrum.re + i);
    const auto last = hn::LoadU(d, spectrum.re + rows * lines + i);
    hn::StoreU(hn::Add(first, last), d, z.re + i);
    hn::StoreU(hn::Sub(first, last), d, z.im + i);
  });
  for (int64_t k = 1; k <= rows / 2; ++k) {
    const int64_t low = k * lines, high = (rows - k) * lines;
    each_vector<T>(lines, [&](auto d, int64_t i) HWY_ATTR {
      const auto a = hn::LoadU(d, spectrum.re + low + i), b = hn::LoadU(d, spectrum.im + low + i);
      const auto c = hn::LoadU(d, spectrum.re + high + i), e = hn::LoadU(d, spectrum.im + high + i);
      const auto even_re = hn::Add(a, c), even_im = hn::Sub(b, e);
      const auto turned_re = hn::Sub(a, c), turned_im = hn::Add(b, e);
      const auto wr = hn::Set(d, turns[2 * k]), wi = hn::Set(d, turns[2 * k + 1]);
      const auto odd_re = hn::MulAdd(turned_im, wi, hn::Mul(turned_re, wr));
      const auto odd_im = hn::NegMulAdd(turned_re, wi, hn::Mul(turned_im, wr));
      hn::StoreU(hn::Sub(even_re, odd_im), d, z.re + low + i);
      hn::StoreU(hn::Add(even_im, odd_re), d, z.im + low + i);
      hn::StoreU(hn::Add(even_re, odd_im), d, z.re + high + i);
      hn::StoreU(hn::Sub(odd_re, even_im), d, z.im + high + i);
    });
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

template <class T>
RowLoops<T> row_loops(Isa isa) {
  return {DRAWBAR_SIMD_FOR(isa, multiply_rows<T>), DRAWBAR_SIMD_FOR(isa, scale_rows<T>),
          DRAWBAR_SIMD_FOR(isa, scale_numbers<T>), DRAWBAR_SIMD_FOR(isa, split_rows<T>),
          DRAWBAR_SIMD_FOR(isa, join_rows<T>)};
}

template RowLoops<float> row_loops<float>(Isa);
template RowLoops<double> row_loops<double>(Isa);

}  // namespace drawbar::cpu
#endif

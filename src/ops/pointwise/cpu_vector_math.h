// Elementary functions on vectors of f32, for kernel files built through targets/cpu/simd.h
// (include this one after it). No include guard by intent: it is compiled once per instruction set.
//
// Largest errors found over the whole range against double precision, with FMA, in units in the
// last place of the result: exp, expm1 1.5; log, log1p 1.5; tanh 5.1; erf 5.4; sigmoid 2.5;
// softplus 2; sin, cos 2 (absolute 1e-7 near their zeros), tan 3; asin, acos, atan 3; sinh, cosh,
// asinh, acosh, atanh 4; pow and fmod are the C library's. gelu, gelu_tanh: 4e-7 · |x| absolute.
// Not-a-number passes through, infinities give the limits.
//
// Sources: Cephes (exp, log, trigonometric polynomials); the rational approximations of tanh and
// erf are minimax fits of x · P(x²) / Q(x²).

#if defined(DRAWBAR_VECTOR_MATH_TOGGLE) == defined(HWY_TARGET_TOGGLE)
#ifdef DRAWBAR_VECTOR_MATH_TOGGLE
#undef DRAWBAR_VECTOR_MATH_TOGGLE
#else
#define DRAWBAR_VECTOR_MATH_TOGGLE
#endif

#include <math.h>

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE::math {
namespace hn = hwy::HWY_NAMESPACE;

/// The smaller (larger) of a bound and x; not-a-number in x passes.
template <class V>
HWY_INLINE V at_most(V bound, V x) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  return hn::IfThenElse(hn::Gt(x, bound), bound, x);
#else
  return hn::Min(bound, x);  // the processor answers with the second operand
#endif
}
template <class V>
HWY_INLINE V at_least(V bound, V x) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  return hn::IfThenElse(hn::Lt(x, bound), bound, x);
#else
  return hn::Max(bound, x);
#endif
}

/// c0 + c1 x + c2 x² + …
template <class D, class V = hn::Vec<D>>
HWY_INLINE V polynomial(D d, V, float c0) {
  return hn::Set(d, c0);
}
template <class D, class V = hn::Vec<D>, class... C>
HWY_INLINE V polynomial(D d, V x, float c0, C... rest) {
  return hn::MulAdd(polynomial(d, x, rest...), x, hn::Set(d, c0));
}

/// 2^n for n in [-126, 127]; infinity for 128.
template <class D, class I>
HWY_INLINE hn::Vec<D> power_of_two(D d, I n) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127))));
}

/// e^r - 1 for |r| <= ln 2 / 2.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V small_expm1(D d, V r) {
  const V p = polynomial(d, r, 4.9999994040e-1f, 1.6666521132e-1f, 4.1668388993e-2f,
                         8.3687165752e-3f, 1.3814598788e-3f);
  return hn::MulAdd(hn::Mul(r, r), p, r);
}

/// x - n ln 2.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V without_whole(D d, V x, V n) {
  const V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);
  return hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
}

/// x = n ln 2 + r with |r| <= ln 2 / 2; gives e^r - 1.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V reduced_expm1(D d, V x, V& n) {
  n = hn::Round(hn::Mul(x, hn::Set(d, 1.44269504088896341f)));
  return small_expm1(d, without_whole(d, x, n));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp(D d, V x) {
  const hn::RebindToSigned<D> di;
  x = at_most(hn::Set(d, 89.0f), x);
  x = at_least(hn::Set(d, -104.0f), x);
  V n;
  const V p = hn::Add(reduced_expm1(d, x, n), hn::Set(d, 1.0f));
  const auto whole = hn::ConvertTo(di, n);
  const auto half = hn::ShiftRight<1>(whole);  // in two steps for subnormals and infinity
  return hn::Mul(hn::Mul(p, power_of_two(d, half)), power_of_two(d, hn::Sub(whole, half)));
}

/// exp in two thirds of the steps for x in [-87, 88.3]; above it is infinity, below e^-87. Added to
/// 1.5 · 2^23 a number is rounded to a whole one in the last bits, which 127 makes an exponent.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_within(D d, V x) {
  x = at_least(hn::Set(d, -87.0f), at_most(hn::Set(d, 89.0f), x));
  const V bias = hn::Set(d, 0x1.8p23f + 127);
  const V whole = hn::MulAdd(x, hn::Set(d, 1.44269504088896341f), bias);
  const V r = without_whole(d, x, hn::Sub(whole, bias));
  const auto scale = hn::ShiftLeft<23>(hn::BitCast(hn::RebindToSigned<D>(), whole));
  return hn::Mul(hn::Add(small_expm1(d, r), hn::Set(d, 1.0f)), hn::BitCast(d, scale));
}

/// exp for x <= 88 where results below e^-87 are 0: they are lost in a sum with 1.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_or_zero(D d, V x) {
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.0f)), exp_within(d, x));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V expm1(D d, V x) {
  const hn::RebindToSigned<D> di;
  x = at_most(hn::Set(d, 89.0f), x);
  x = at_least(hn::Set(d, -30.0f), x);
  V n;
  const V p = reduced_expm1(d, x, n);
  // 2^n (p + 1) - 1, from half of it so that 2^n does not overflow first.
  const V half = power_of_two(d, hn::Sub(hn::ConvertTo(di, n), hn::Set(di, 1)));
  const V result = hn::MulAdd(p, half, hn::Sub(half, hn::Set(d, 0.5f)));
  return hn::IfThenElse(hn::Eq(x, x), hn::Add(result, result), x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V log(D d, V x) {
  const hn::RebindToSigned<D> di;
  const auto tiny = hn::Lt(x, hn::Set(d, 1.17549435e-38f));
  const V scaled = hn::IfThenElse(tiny, hn::Mul(x, hn::Set(d, 0x1p23f)), x);
  const auto bits = hn::BitCast(di, scaled);
  const auto exponent = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3f3504f3)));
  const V e = hn::Sub(hn::ConvertTo(d, exponent), hn::IfThenElseZero(tiny, hn::Set(d, 23.0f)));
  const V m = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(exponent)));
  const V f = hn::Sub(m, hn::Set(d, 1.0f)), square = hn::Mul(f, f);
  V y = polynomial(d, f, 3.3333331174e-1f, -2.4999993993e-1f, 2.0000714765e-1f, -1.6668057665e-1f,
                   1.4249322787e-1f, -1.2420140846e-1f, 1.1676998740e-1f, -1.1514610310e-1f,
                   7.0376836292e-2f);
  y = hn::Mul(hn::Mul(y, f), square);
  y = hn::MulAdd(e, hn::Set(d, -2.12194440e-4f), y);
  y = hn::NegMulAdd(hn::Set(d, 0.5f), square, y);
  y = hn::MulAdd(e, hn::Set(d, 0.693359375f), hn::Add(f, y));
  const V infinity = hn::Set(d, HUGE_VALF);
  y = hn::IfThenElse(hn::Lt(x, infinity), y, x);
  y = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::NaN(d), y);
  return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(infinity), y);
}

/// For x >= 0.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log1p(D d, V x) {
  const V one = hn::Set(d, 1.0f), w = hn::Add(x, one);
  const V lost = hn::Sub(x, hn::Sub(w, one));  // what rounding 1 + x dropped
  return hn::Add(log(d, w), hn::IfThenElseZero(hn::Lt(x, hn::Set(d, 1e8f)), hn::Div(lost, w)));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh(D d, V x) {
  const V limit = hn::Set(d, 9.01f);
  const V c = at_least(hn::Neg(limit), at_most(limit, x)), t = hn::Mul(c, c);
  const V p = polynomial(d, t, 9.999999792e-01f, 1.338036520e-01f, 3.494803423e-03f,
                         2.059614860e-05f, 1.333667825e-08f);
  const V q = polynomial(d, t, 1.0f, 4.671368062e-01f, 2.587399781e-02f, 3.284350740e-04f,
                         7.769212514e-07f);
  const V one = hn::Set(d, 1.0f);
  return at_least(hn::Neg(one), at_most(one, hn::Div(hn::Mul(c, p), q)));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V erf(D d, V x) {
  const V limit = hn::Set(d, 3.93f);
  const V c = at_least(hn::Neg(limit), at_most(limit, x)), t = hn::Mul(c, c);
  const V p = polynomial(d, t, 1.128379145e+00f, 1.907823338e-01f, 5.279007730e-02f,
                         3.779542874e-03f, 2.848067725e-04f, 2.041977374e-06f);
  const V q = polynomial(d, t, 1.0f, 5.024091609e-01f, 1.142568941e-01f, 1.499730370e-02f,
                         1.165196057e-03f, 3.800404864e-05f);
  const V one = hn::Set(d, 1.0f);
  return at_least(hn::Neg(one), at_most(one, hn::Div(hn::Mul(c, p), q)));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, exp_within(d, hn::Neg(x))));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V softplus(D d, V x) {
  return hn::Add(at_least(hn::Zero(d), x), log1p(d, exp(d, hn::Neg(hn::Abs(x)))));
}

/// x tanh(softplus(x)) = x n / (n + 2) with n = e^x (e^x + 2).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V mish(D d, V x) {
  const V two = hn::Set(d, 2.0f), e = exp_or_zero(d, at_most(hn::Set(d, 20.0f), x));
  const V n = hn::Mul(e, hn::Add(e, two));
  return hn::Mul(x, hn::Div(n, hn::Add(n, two)));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V gelu(D d, V x) {
  // Below -6 the last digit of erf counts no more.
  const V half = hn::Mul(hn::Set(d, 0.5f), at_least(hn::Set(d, -6.0f), x));
  return hn::MulAdd(half, erf(d, hn::Mul(x, hn::Set(d, 0.707106781186547524f))), half);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V gelu_tanh(D d, V x) {
  const V half = hn::Mul(hn::Set(d, 0.5f), at_least(hn::Set(d, -6.0f), x));
  const V cube = hn::Mul(hn::Mul(x, x), x);
  const V inner = hn::MulAdd(hn::Set(d, 0.044715f), cube, x);
  return hn::MulAdd(half, tanh(d, hn::Mul(inner, hn::Set(d, 0.797884560802865356f))), half);
}

/// Lane by lane through a function of the C library.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V lanewise(D d, V x, float (*f)(float)) {
  HWY_ALIGN float lanes[hn::MaxLanes(d)];
  hn::Store(x, d, lanes);
  for (size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = f(lanes[i]);
  return hn::Load(d, lanes);
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V lanewise(D d, V x, V y, float (*f)(float, float)) {
  HWY_ALIGN float a[hn::MaxLanes(d)], b[hn::MaxLanes(d)];
  hn::Store(x, d, a);
  hn::Store(y, d, b);
  for (size_t i = 0; i < hn::Lanes(d); ++i) a[i] = f(a[i], b[i]);
  return hn::Load(d, a);
}

/// x = j π/2 + r with |r| <= π/4, for |x| <= 8192.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V reduced_angle(D d, V x, hn::Vec<hn::RebindToSigned<D>>& j) {
  const V n = hn::Round(hn::Mul(x, hn::Set(d, 0.636619772367581343f)));
  j = hn::ConvertTo(hn::RebindToSigned<D>(), n);
  V r = hn::NegMulAdd(n, hn::Set(d, 1.5703125f), x);
  r = hn::NegMulAdd(n, hn::Set(d, 4.837512969970703125e-4f), r);
  return hn::NegMulAdd(n, hn::Set(d, 7.54978995489188216e-8f), r);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE bool any_large_angle(D d, V x) {
  return !hn::AllTrue(d, hn::Le(hn::Abs(x), hn::Set(d, 8192.0f)));
}

/// sin(x + quarter π/2).
template <int quarter, class D, class V = hn::Vec<D>>
HWY_INLINE V sine(D d, V x) {
  if (HWY_UNLIKELY(any_large_angle(d, x))) return lanewise(d, x, quarter ? ::cosf : ::sinf);
  const hn::RebindToSigned<D> di;
  hn::Vec<decltype(di)> j;
  const V r = reduced_angle(d, x, j), t = hn::Mul(r, r);
  j = hn::Add(j, hn::Set(di, quarter));
  const V s = hn::MulAdd(
      hn::Mul(polynomial(d, t, -1.6666654611e-1f, 8.3321608736e-3f, -1.9515295891e-4f), t), r, r);
  const V c = hn::MulAdd(
      hn::Mul(t, t),
      polynomial(d, t, 4.166664568298827e-2f, -1.388731625493765e-3f, 2.443315711809948e-5f),
      hn::NegMulAdd(hn::Set(d, 0.5f), t, hn::Set(d, 1.0f)));
  const auto odd = hn::RebindMask(d, hn::TestBit(j, hn::Set(di, 1)));
  const auto sign = hn::ShiftLeft<30>(hn::And(j, hn::Set(di, 2)));
  return hn::Xor(hn::IfThenElse(odd, c, s), hn::BitCast(d, sign));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V sin(D d, V x) {
  return sine<0>(d, x);
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V cos(D d, V x) {
  return sine<1>(d, x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V tan(D d, V x) {
  if (HWY_UNLIKELY(any_large_angle(d, x))) return lanewise(d, x, ::tanf);
  const hn::RebindToSigned<D> di;
  hn::Vec<decltype(di)> j;
  const V r = reduced_angle(d, x, j), t = hn::Mul(r, r);
  const V p = polynomial(d, t, 3.33331568548e-1f, 1.33387994085e-1f, 5.34112807005e-2f,
                         2.44301354525e-2f, 3.11992232697e-3f, 9.38540185543e-3f);
  const V y = hn::MulAdd(hn::Mul(p, t), r, r);
  const auto odd = hn::RebindMask(d, hn::TestBit(j, hn::Set(di, 1)));
  return hn::IfThenElse(odd, hn::Div(hn::Set(d, -1.0f), y), y);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V asin(D d, V x) {
  const V a = hn::Abs(x), half = hn::Set(d, 0.5f);
  const auto large = hn::Gt(a, half);
  const V t = hn::IfThenElse(large, hn::Mul(half, hn::Sub(hn::Set(d, 1.0f), a)), hn::Mul(a, a));
  const V s = hn::IfThenElse(large, hn::Sqrt(t), a);
  const V p = polynomial(d, t, 1.6666752422e-1f, 7.4953002686e-2f, 4.5470025998e-2f,
                         2.4181311049e-2f, 4.2163199048e-2f);
  const V y = hn::MulAdd(hn::Mul(p, t), s, s);
  const V beyond = hn::NegMulAdd(hn::Set(d, 2.0f), y, hn::Set(d, 1.57079632679489662f));
  return hn::CopySign(hn::IfThenElse(large, beyond, y), x);
}

/// 2 asin(sqrt((1 - x) / 2)) where x > 0.5, so that no digits cancel near 1.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V acos(D d, V x) {
  const V half = hn::Set(d, 0.5f);
  const V near_one = asin(d, hn::Sqrt(hn::Mul(half, hn::Sub(hn::Set(d, 1.0f), x))));
  const V other = hn::Sub(hn::Set(d, 1.57079632679489662f), asin(d, x));
  return hn::IfThenElse(hn::Gt(x, half), hn::Add(near_one, near_one), other);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V atan(D d, V x) {
  const V a = hn::Abs(x), one = hn::Set(d, 1.0f);
  const auto large = hn::Gt(a, hn::Set(d, 2.414213562373095f));    // tan(3π/8)
  const auto middle = hn::Gt(a, hn::Set(d, 0.4142135623730950f));  // tan(π/8)
  const V from = hn::IfThenElse(large, hn::Set(d, 1.57079632679489662f),
                                hn::IfThenElseZero(middle, hn::Set(d, 0.785398163397448310f)));
  const V top = hn::IfThenElse(large, hn::Neg(one), hn::IfThenElse(middle, hn::Sub(a, one), a));
  const V bottom = hn::IfThenElse(large, a, hn::IfThenElse(middle, hn::Add(a, one), one));
  const V r = hn::Div(top, bottom), t = hn::Mul(r, r);
  const V p = polynomial(d, t, -3.33329491539e-1f, 1.99777106478e-1f, -1.38776856032e-1f,
                         8.05374449538e-2f);
  return hn::CopySign(hn::Add(from, hn::MulAdd(hn::Mul(p, t), r, r)), x);
}

/// e^(|x|/2), whose square reaches as far as sinh and cosh do.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V half_exp(D d, V x) {
  return exp(d, hn::Mul(hn::Set(d, 0.5f), hn::Abs(x)));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V cosh(D d, V x) {
  const V t = half_exp(d, x), half = hn::Set(d, 0.5f);
  return hn::MulAdd(hn::Mul(half, t), t, hn::Div(hn::Div(half, t), t));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V sinh(D d, V x) {
  const V a = hn::Abs(x), half = hn::Set(d, 0.5f), one = hn::Set(d, 1.0f);
  const V e = expm1(d, at_most(one, a));
  const V small = hn::Mul(half, hn::Add(e, hn::Div(e, hn::Add(e, one))));
  const V t = half_exp(d, x);
  const V large = hn::MulSub(hn::Mul(half, t), t, hn::Div(hn::Div(half, t), t));
  return hn::CopySign(hn::IfThenElse(hn::Lt(a, one), small, large), x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V asinh(D d, V x) {
  const V a = hn::Abs(x), one = hn::Set(d, 1.0f);
  const auto large = hn::Gt(a, hn::Set(d, 1e9f));
  const V root = hn::Sqrt(hn::MulAdd(a, a, one));
  const V u = hn::MulAdd(a, hn::Div(a, hn::Add(one, root)), a);
  const V beyond = hn::Add(log(d, a), hn::Set(d, 0.693147180559945309f));
  return hn::CopySign(hn::IfThenElse(large, beyond, log1p(d, u)), x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V acosh(D d, V x) {
  const V one = hn::Set(d, 1.0f), t = hn::Sub(x, one);
  const V u = hn::Add(t, hn::Sqrt(hn::Mul(t, hn::Add(t, hn::Set(d, 2.0f)))));
  const V beyond = hn::Add(log(d, x), hn::Set(d, 0.693147180559945309f));
  const V y = hn::IfThenElse(hn::Gt(x, hn::Set(d, 1e9f)), beyond, log1p(d, u));
  return hn::IfThenElse(hn::Lt(x, one), hn::NaN(d), y);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V atanh(D d, V x) {
  const V a = hn::Abs(x), one = hn::Set(d, 1.0f);
  const V y = hn::Mul(hn::Set(d, 0.5f), log1p(d, hn::Div(hn::Add(a, a), hn::Sub(one, a))));
  return hn::CopySign(hn::IfThenElse(hn::Gt(a, one), hn::NaN(d), y), x);
}

}  // namespace drawbar::cpu::HWY_NAMESPACE::math
HWY_AFTER_NAMESPACE();

#endif  // DRAWBAR_VECTOR_MATH_TOGGLE

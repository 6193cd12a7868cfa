#include "ops/integer_add/cpu_lines.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/integer_add/cpu_lines.cc"
#include "targets/cpu/byte_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class A, class B, class D>
HWY_INLINE hn::Vec<D> sum_of(D d, const ByteSum& sum, const A* a, const B* b) {
  const hn::RebindToSigned<D> di;
  const auto number = [&](auto bytes)
                          HWY_ATTR { return hn::ConvertTo(d, hn::PromoteTo(di, bytes)); };
  const auto second = hn::MulAdd(number(hn::LoadU(hn::Rebind<B, D>(), b)), hn::Set(d, sum.b_factor),
                                 hn::Set(d, sum.addend));
  return hn::MulAdd(number(hn::LoadU(hn::Rebind<A, D>(), a)), hn::Set(d, sum.a_factor), second);
}

template <class A, class B, class Y, class D>
HWY_INLINE void add_vector(D d, const ByteSum& sum, const A* a, const B* b, Y* y) {
  const hn::RebindToSigned<D> di;
  // What exceeds i32 would wrap.
  const auto kept = hn::Min(hn::Max(sum_of(d, sum, a, b), hn::Set(d, -1e6f)), hn::Set(d, 1e6f));
  const hn::Rebind<Y, D> dy;
  hn::StoreU(hn::DemoteTo(dy, hn::Add(hn::NearestInt(kept), hn::Set(di, sum.zero))), dy, y);
}

template <class A, class B, class Y>
void add(const ByteSum& sum, const void* a, const void* b, void* y, int64_t n) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> d1;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto* as = static_cast<const A*>(a);
  const auto* bs = static_cast<const B*>(b);
  auto* ys = static_cast<Y*>(y);
  int64_t i = 0;
#ifdef DRAWBAR_BYTE_VECTORS
  const hn::Repartition<Y, decltype(d)> d8;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    const auto at = [&](int64_t vector) HWY_ATTR {
      return sum_of(d, sum, as + i + vector * lanes, bs + i + vector * lanes);
    };
    hn::StoreU(to_bytes<Y>(at(0), at(1), at(2), at(3), sum.zero), d8, ys + i);
  }
#endif
  for (; i + lanes <= n; i += lanes) add_vector(d, sum, as + i, bs + i, ys + i);
  for (; i < n; ++i) add_vector(d1, sum, as + i, bs + i, ys + i);
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

template <class A, class B>
AddBytes add_bytes_to(ElementType y) {
  if (y == ElementType::u8) return DRAWBAR_SIMD(add<A, B, uint8_t>);
  return DRAWBAR_SIMD(add<A, B, int8_t>);
}
template <class A>
AddBytes add_bytes_with(ElementType b, ElementType y) {
  return b == ElementType::u8 ? add_bytes_to<A, uint8_t>(y) : add_bytes_to<A, int8_t>(y);
}

}  // namespace

ByteSum byte_sum(const ByteTerm& a, const ByteTerm& b, const ByteTerm& y) {
  const float a_factor = a.scale / y.scale, b_factor = b.scale / y.scale;
  const float addend =
      -static_cast<float>(a.zero) * a_factor - static_cast<float>(b.zero) * b_factor;
  return {a_factor, b_factor, addend, y.zero};
}

AddBytes add_bytes(ElementType a, ElementType b, ElementType y) {
  return a == ElementType::u8 ? add_bytes_with<uint8_t>(b, y) : add_bytes_with<int8_t>(b, y);
}

}  // namespace drawbar::cpu
#endif
